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

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/tests/throwaway"
)

// demo is the state of one run.
type demo struct {
	screen
	root string // of the repository
	dir  string // for files, removed at the end
	bin  string // programs of tools/run
	// source is the cluster with the application, standby another one.
	source, standby *throwaway.Kube

	mu    sync.Mutex
	kubes []*throwaway.Kube

	before *snapshot
	// asOf is the moment to go back to.
	asOf    time.Time
	allowed *allowances
}

// node tells whether pods run.
func (d *demo) node() bool { return d.source.Node != "" }

// startClusters starts both clusters at once. Where the machine can't run pods, the source has a control plane alone.
func (d *demo) startClusters(ctx context.Context) (err error) {
	if d.root, err = throwaway.Root(ctx); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "salvor-demo-"); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	if d.bin, err = d.toolsBin(ctx); err != nil {
		return err
	}
	if d.allowed, err = readAllowances(); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d.source, err = d.start(groupCtx, "source", "--node", "--snapshots")
		return err
	})
	group.Go(func() (err error) {
		d.standby, err = d.start(groupCtx, "standby")
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	d.say("production: Kubernetes %s at %s, node %s", d.source.Version, d.source.Server, orNone(d.source.Node))
	d.say("standby:    Kubernetes %s at %s, node %s", d.standby.Version, d.standby.Server, orNone(d.standby.Node))
	return nil
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
	d.mu.Lock()
	defer d.mu.Unlock()
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

// clean takes down all that was started.
func (d *demo) clean() error {
	var wait sync.WaitGroup
	errs := make([]error, len(d.kubes)+1)
	for i, k := range d.kubes {
		wait.Go(func() { errs[i] = k.Down() })
	}
	wait.Wait()
	if d.dir != "" {
		errs[len(d.kubes)] = os.RemoveAll(d.dir)
	}
	return errors.Join(errs...)
}
