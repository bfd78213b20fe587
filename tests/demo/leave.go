package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// leaveTime bounds the deletion. Namespaces end when their pods have ended, which have two seconds.
const leaveTime = 3 * time.Minute

// leave deletes what the demo has made on somebody's cluster, also after Ctrl-C and after a failure, and looks whether it
// is gone. Only what carries the label with this run's suffix is deleted.
func (d *demo) leave() error {
	g := d.guest
	if g == nil || !g.made {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	args := []string{"delete", "namespaces,customresourcedefinitions", "-l", demoLabel + "=" + g.suffix, "--ignore-not-found", "--timeout=150s"}
	d.title("Leave nothing behind")
	d.command(append([]string{"kubectl"}, args...)...)
	_, err := d.kubectlApart(ctx, args...)
	left, lookErr := g.left(ctx, d.shop)
	if err = errors.Join(err, lookErr); err == nil && len(left) > 0 {
		err = fmt.Errorf("still there: %s", strings.Join(left, ", "))
	}
	if err != nil {
		return fmt.Errorf("removing what the demo made: %w\nremove it by hand:\n  kubectl --context '%s' delete namespaces,crd -l %s=%s", err, g.context, demoLabel, g.suffix)
	}
	if len(d.proofs) > 0 {
		d.prove("nothing of the demo is left in the cluster: no namespace, no definition")
	}
	return nil
}

// left names what is still there.
func (g *guest) left(ctx context.Context, s shop) ([]string, error) {
	paths := []string{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + s.crd()}
	for _, ns := range s.all() {
		paths = append(paths, "/api/v1/namespaces/"+ns)
	}
	var left []string
	for _, path := range paths {
		there, err := g.exists(ctx, path)
		if err != nil {
			return nil, err
		}
		if there {
			left = append(left, path)
		}
	}
	return left, nil
}
