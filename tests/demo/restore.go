package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/throwaway"
)

// restore brings the set as of the moment back to where it was, and waits for the pods.
func (d *demo) restore(ctx context.Context) error {
	begin := time.Now()
	if err := d.restoreInto(ctx, "production"); err != nil {
		return err
	}
	restored := time.Since(begin)
	if err := d.awaitPods(ctx, pageReleased); err != nil {
		return err
	}
	if d.node() {
		d.prove("restored in %.1f s; %.1f s after the command was given every pod was Ready, the web shop served its released page and the database took orders", restored.Seconds(), time.Since(begin).Seconds())
	}
	return d.checkData(ctx)
}

// checkData reads in the restored volume what the pre-exec rule wrote just before the snapshot was cut.
func (d *demo) checkData(ctx context.Context) error {
	if !d.node() || d.guest != nil {
		return nil
	}
	history, err := d.kubectl(ctx, d.source, "exec", "-n", d.shop.db, "db-0", "--", "cat", "/data/history")
	if err != nil {
		return err
	}
	d.output(history)
	if want := fmt.Sprintf("frozen %d\n", d.frozen); history != want {
		return fmt.Errorf("the volume of the database does not hold what it held while it was frozen: %q instead of %q", history, want)
	}
	if err := d.awaitOrders(ctx, d.frozen); err != nil {
		return err
	}
	d.prove("the volume of the database is as it was cut while it was held, at %d orders; it goes on from there", d.frozen)
	return nil
}

// restoreInto restores the application as of the moment. Of the web shop that is another backup than of the database.
func (d *demo) restoreInto(ctx context.Context, cluster string, more ...string) error {
	_, err := d.salvor(ctx, append([]string{"restore", "--as-of", d.asOf.UTC().Format(time.RFC3339), "-n", d.shop.glob, "--on-conflict", "update", "--yes",
		"--cluster", "production", "--to-cluster", cluster}, more...)...)
	return err
}

// compareSource compares what was with what is in the cluster it was in.
func (d *demo) compareSource(ctx context.Context) error {
	return d.compare(ctx, d.source, "production")
}

// restoreElsewhere restores the same into a cluster that has never seen the application.
func (d *demo) restoreElsewhere(ctx context.Context) error {
	if err := d.awaitStandby(ctx); err != nil {
		return err
	}
	if err := d.restoreInto(ctx, "standby", "--volumes", "empty"); err != nil {
		return err
	}
	if err := d.compare(ctx, d.standby, "standby"); err != nil {
		return err
	}
	d.sayAllowed()
	d.lack("what volumes hold, in the other cluster: it has no node, and the snapshots are the first one's")
	return nil
}

// sayAllowed shows which differences were met.
func (d *demo) sayAllowed() {
	d.say("the differences that tests/compare/allowed-differences.yaml allows, and how often each was met:")
	for _, line := range d.allowed.Lines() {
		d.say("  %s", line)
	}
}

func (d *demo) compare(ctx context.Context, k *throwaway.Kube, name string) error {
	now, err := compare.Take(ctx, k.Kubeconfig, d.shop.scope())
	if err != nil {
		return err
	}
	return d.compareWith(now, name)
}

// compareWith compares what was with what is.
func (d *demo) compareWith(now *compare.Snapshot, name string) error {
	c, err := compare.Compare(d.before, now, d.allowed)
	if err != nil {
		return err
	}
	if len(c.Problems) > 0 {
		return errors.New("the objects in " + name + " are not as they were:\n  " + strings.Join(c.Problems, "\n  "))
	}
	if c.Objects == 0 || c.Equal == 0 || c.Owned == 0 {
		return errors.New("nothing was compared")
	}
	d.prove("in %s all %d objects are as the API server had returned them before: %d fields are equal, %d differ as allowed, none otherwise; all %d references to owners name living ones",
		name, c.Objects, c.Equal, c.Allowed, c.Owned)
	return nil
}

// restoreBeside restores the same into other namespaces of the same cluster, beside the application that runs.
func (d *demo) restoreBeside(ctx context.Context) error {
	copies := d.shop.copies()
	var flags []string
	for _, ns := range slices.Sorted(maps.Keys(copies)) {
		flags = append(flags, "--map", ns+"="+copies[ns])
	}
	if err := d.restoreInto(ctx, "production", flags...); err != nil {
		return err
	}
	now, err := d.takeCopies(ctx, copies)
	if err != nil {
		return err
	}
	if err := d.compareWith(now, "the copies"); err != nil {
		return err
	}
	d.sayAllowed()
	d.lack("another cluster: on a cluster of somebody's own the demo restores into other namespaces of the same")
	d.lack("volume claims and an Ingress: on a cluster of somebody's own they might make disks, load balancers and names")
	return nil
}

// takeCopies reads the copies, and writes the names of the originals into what it read.
func (d *demo) takeCopies(ctx context.Context, copies map[string]string) (*compare.Snapshot, error) {
	scope := d.shop.scope()
	for i, ns := range scope.Namespaces {
		scope.Namespaces[i] = copies[ns]
	}
	now, err := compare.Take(ctx, d.source.Kubeconfig, scope)
	if err != nil {
		return nil, err
	}
	renamed := &compare.Snapshot{Objects: map[compare.Key][]byte{}}
	for key, raw := range now.Objects {
		for ns, name := range copies {
			key.Namespace = strings.ReplaceAll(key.Namespace, name, ns)
			key.Name = strings.ReplaceAll(key.Name, name, ns)
			raw = bytes.ReplaceAll(raw, []byte(name), []byte(ns))
		}
		renamed.Objects[key] = raw
	}
	return renamed, nil
}
