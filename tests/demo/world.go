package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/throwaway"
)

// demo is the state of one run.
type demo struct {
	screen
	root string // of the repository
	dir  string // for files, removed at the end
	bin  string // folder of kubectl
	// program is the salvor that is shown.
	program string
	// source is the cluster with the application, standby another one, there once standbyUp is closed.
	source, standby *throwaway.Kube
	standbyUp       chan struct{}
	standbyErr      error
	kubes           []*throwaway.Kube
	shop            shop
	// guest is nil on a cluster of the demo's own.
	guest *guest

	// frozen is how many orders the database had when it was held.
	frozen int
	before *compare.Snapshot
	// asOf is the moment to go back to.
	asOf    time.Time
	allowed *compare.Allowances
}

// node tells whether pods run.
func (d *demo) node() bool { return d.source.Node != "" }

// prepareFiles finds the repository and makes a directory.
func (d *demo) prepareFiles(ctx context.Context) (err error) {
	if d.root, err = throwaway.Root(ctx); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "salvor-demo-"); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	if d.program == "" {
		d.program = filepath.Join(d.root, "bin", "salvor")
	}
	d.allowed, err = compare.ReadAllowances("demo")
	return err
}

// startCluster starts the source: a control plane and, where the machine can, a node.
func (d *demo) startCluster(ctx context.Context) (err error) {
	d.shop = ownShop
	if err := d.prepareFiles(ctx); err != nil {
		return err
	}
	if d.bin, err = d.toolsBin(ctx); err != nil {
		return err
	}
	if d.source, err = d.start(ctx, "source", "--node", "--snapshots"); err != nil {
		return err
	}
	d.say("Kubernetes %s at %s, node %s", d.source.Version, d.source.Server, orNone(d.source.Node))
	return nil
}

// startStandby starts the other cluster meanwhile.
func (d *demo) startStandby(ctx context.Context) {
	d.standbyUp = make(chan struct{})
	go func() {
		defer close(d.standbyUp)
		d.standby, d.standbyErr = d.start(ctx, "standby")
	}()
}

// awaitStandby tells Salvor of the other cluster once it is there.
func (d *demo) awaitStandby(ctx context.Context) error {
	<-d.standbyUp
	if d.standbyErr != nil {
		return d.standbyErr
	}
	d.say("Kubernetes %s at %s, node %s, has never seen the application", d.standby.Version, d.standby.Server, orNone(d.standby.Node))
	_, err := d.salvor(ctx, "cluster", "add", "standby", "--kubeconfig", d.standby.Kubeconfig)
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// start starts one cluster, without a node if none can run here.
func (d *demo) start(ctx context.Context, name string, flags ...string) (*throwaway.Kube, error) {
	var log bytes.Buffer
	k, err := throwaway.Up(ctx, d.root, fmt.Sprintf("demo-%d-%s", os.Getpid(), name), &log, flags...)
	if err != nil && len(flags) > 0 && strings.Contains(log.String(), "can't run a node") {
		d.say("no pods will run:")
		d.output(log.String())
		d.lack("rules in pods, and pods that are Ready and answer after the restore: this machine can't run a node, see above")
		return d.start(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &log)
	}
	d.kubes = append(d.kubes, k)
	return k, nil
}

// toolsBin asks tools/run where its programs are, to call kubectl as a user would.
func (d *demo) toolsBin(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(d.root, "tools", "run"), "env").Output()
	if err != nil {
		return "", fmt.Errorf("asking tools/run for its directories: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if bin, ok := strings.CutPrefix(line, "bin="); ok {
			return strings.TrimSpace(bin), nil
		}
	}
	return "", errors.New("asking tools/run for its directories: it named no bin")
}

// clean takes down all that was started, and removes all that was made.
func (d *demo) clean() error {
	left := d.leave()
	if d.standbyUp != nil {
		<-d.standbyUp
	}
	var wait sync.WaitGroup
	errs := make([]error, len(d.kubes)+1)
	for i, k := range d.kubes {
		wait.Go(func() { errs[i] = k.Down() })
	}
	wait.Wait()
	if d.dir != "" {
		errs[len(d.kubes)] = os.RemoveAll(d.dir)
	}
	return errors.Join(append(errs, left)...)
}
