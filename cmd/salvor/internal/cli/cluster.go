package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
)

// checkTime bounds the check of a cluster or a location.
const checkTime = 30 * time.Second

func (a *app) cluster() *cobra.Command {
	return a.parent("cluster", "Name a cluster, check its access, find those of an AWS account", a.clusterAdd(), a.clusterCheck(), a.clusterDiscover(), a.clusterCleanUp())
}

// add checks and stores an object that was made from flags.
func (a *app) add(ctx context.Context, o salvor.Object, out output, check func(context.Context) (string, error)) error {
	h, err := a.home()
	if err != nil {
		return err
	}
	o.Default()
	if err := salvor.Check(o); err != nil {
		return err
	}
	checkCtx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	found, err := check(checkCtx)
	if err != nil {
		return fmt.Errorf("%w (--no-check adds it all the same)", err)
	}
	done, err := a.store(ctx, h, o)
	if err != nil {
		return err
	}
	if found != "" {
		done += " (" + found + ")"
	}
	return a.outcome(out, o, reference(o)+" "+done)
}
