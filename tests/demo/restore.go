package main

import (
	"context"
	"errors"
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
	return nil
}

// restoreInto restores the application as of the moment. Of the web shop that is another backup than of the database.
func (d *demo) restoreInto(ctx context.Context, cluster string) error {
	_, err := d.salvor(ctx, "restore", "--as-of", d.asOf.UTC().Format(time.RFC3339), "-n", "shop-*", "--on-conflict", "update", "--yes",
		"--cluster", "production", "--to-cluster", cluster)
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
	if err := d.restoreInto(ctx, "standby"); err != nil {
		return err
	}
	if err := d.compare(ctx, d.standby, "standby"); err != nil {
		return err
	}
	d.say("the differences that tests/compare/allowed-differences.yaml allows, and how often each was met:")
	for _, line := range d.allowed.Lines() {
		d.say("  %s", line)
	}
	d.lack("what volumes hold: this version restores claims, not the data in them")
	return nil
}

func (d *demo) compare(ctx context.Context, k *throwaway.Kube, name string) error {
	now, err := compare.Take(ctx, k.Kubeconfig, application)
	if err != nil {
		return err
	}
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
