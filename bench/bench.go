package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/throwaway"
)

// bench is what the benchmarks share.
type bench struct {
	root    string // of the repository
	dir     string // for files, removed at the end
	rounds  int
	profile string
	backups int // of the large table of DynamoDB
	began   time.Time
	kubes   []*throwaway.Kube
}

func newBench(ctx context.Context, rounds int, profile string) (*bench, error) {
	if rounds < 1 {
		return nil, errors.New("-n must be at least 1")
	}
	root, err := throwaway.Root(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "salvor-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	return &bench{root: root, dir: dir, rounds: rounds, profile: profile, began: time.Now()}, nil
}

// close takes down what was started.
func (b *bench) close() error {
	var errs []error
	for _, k := range b.kubes {
		errs = append(errs, k.Down())
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// say tells the one who waits how it goes on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// kube starts a cluster of its own for a benchmark, with these flags of `localkube up`; the caller takes it down, or close does.
func (b *bench) kube(ctx context.Context, name string, flags ...string) (*throwaway.Kube, *rest.Config, error) {
	k, err := throwaway.Up(ctx, b.root, fmt.Sprintf("bench-%d-%s", os.Getpid(), name), os.Stderr, flags...)
	if err != nil {
		return nil, nil, err
	}
	b.kubes = append(b.kubes, k)
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: k.Kubeconfig})
	return k, config, err
}

// down takes a cluster down before the end, to free its memory.
func (b *bench) down(k *throwaway.Kube) error {
	for i := range b.kubes {
		if b.kubes[i] == k {
			b.kubes = append(b.kubes[:i], b.kubes[i+1:]...)
			break
		}
	}
	return k.Down()
}

// seconds measures do. What earlier measurements left is collected before.
func seconds(do func() error) (float64, error) {
	runtime.GC()
	begin := time.Now()
	err := do()
	return time.Since(begin).Seconds(), err
}
