package cli

import (
	"context"
	"flag"

	"salvor.io/salvor/tools/internal/cluster"
)

// localkubeCompact prints the revision below which history is gone.
func localkubeCompact(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	name := nameFlag(flags)
	if done, err := parseAll(flags, args); done {
		return err
	}
	up, err := c.runningCluster(*name)
	if err != nil {
		return err
	}
	revision, err := cluster.Compact(ctx, up)
	if err != nil {
		return err
	}
	return c.print(map[string]int64{"revision": revision})
}
