package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/pprof"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/salvor"
)

// What the benchmarks of 10,000 objects have in their namespace, of each of the two kinds.
const (
	perKind = 5000
	kib     = 1 << 10
)

// listed are the collections that the bare list reads.
func listed(ns string) []string {
	return []string{"/api/v1/namespaces/" + ns + "/configmaps", "/api/v1/namespaces/" + ns + "/secrets"}
}

// populate makes a namespace of 5,000 ConfigMaps and 5,000 Secrets with 1 KiB of data each.
func populate(ctx context.Context, client *rest.RESTClient, ns string) error {
	if err := makeNamespaces(ctx, client, ns); err != nil {
		return err
	}
	return create(ctx, client, 2*perKind, func(i int, random *rand.Rand) object { return numbered(ns, i, random) })
}

func numbered(ns string, i int, random *rand.Rand) object {
	if i%2 == 0 {
		return configMap(ns, fmt.Sprintf("config-%05d", i/2), kib, random)
	}
	return secret(ns, fmt.Sprintf("secret-%05d", i/2), kib, random)
}

// backupRounds are the sides of benchBackup, a value a round.
type backupRounds struct {
	list, parallel, backup, repeat []float64
	uploaded, requests             []float64
}

// benchBackup compares, in turn: the bare list of both kinds one after the other, of both at once, a backup into an
// empty location, and a repeat into the same. A backup reads all kinds that the namespace may have, not only the two.
func benchBackup(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "backup")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	b.say("backup: creating %d objects", 2*perKind)
	if err := populate(ctx, client, "bench"); err != nil {
		return nil, err
	}
	if err := (&backupRounds{}).round(ctx, b, config, client, 0); err != nil { // nobody counts a warm-up
		return nil, err
	}
	stop, err := b.startProfile()
	if err != nil {
		return nil, err
	}
	defer stop()
	r := &backupRounds{}
	for i := range b.rounds {
		if err := r.round(ctx, b, config, client, i+1); err != nil {
			return nil, err
		}
	}
	return []Result{
		info("backup/list", r.list, "s"),
		info("backup/list-parallel", r.parallel, "s"),
		info("backup/first", r.backup, "s"),
		info("backup/repeat", r.repeat, "s"),
		atMost(1.5, "backup/first-to-list", ratios(r.backup, r.list), "x"),
		atMost(1.2, "backup/repeat-to-list", ratios(r.repeat, r.list), "x"),
		info("backup/first-to-list-parallel", ratios(r.backup, r.parallel), "x"),
		info("backup/repeat-to-list-parallel", ratios(r.repeat, r.parallel), "x"),
		atMost(0, "backup/repeat-segments-uploaded", r.uploaded, "segments"),
		info("backup/repeat-requests", r.requests, "requests"),
	}, nil
}

func (r *backupRounds) round(ctx context.Context, b *bench, config *rest.Config, client *rest.RESTClient, i int) error {
	steps := []struct {
		into *[]float64
		do   func() error
	}{
		{&r.list, func() error { return listInTurn(ctx, client) }},
		{&r.parallel, func() error { return listAtOnce(ctx, client) }},
	}
	for _, s := range steps {
		t, err := seconds(s.do)
		if err != nil {
			return err
		}
		*s.into = append(*s.into, t)
	}
	path := filepath.Join(b.dir, fmt.Sprintf("backup-%d", i))
	defer os.RemoveAll(path)
	h, err := newHome(ctx, path, config)
	if err != nil {
		return err
	}
	defer h.close()
	first, err := r.measure(ctx, h, &r.backup)
	if err != nil {
		return err
	}
	before := h.requests.Counts()
	second, err := r.measure(ctx, h, &r.repeat)
	if err != nil {
		return err
	}
	r.uploaded = append(r.uploaded, float64(second.SegmentsUploaded))
	r.requests = append(r.requests, float64(h.requests.Counts().Sub(before).Requests()))
	if first.SegmentsUploaded == 0 || first.Objects < 2*perKind || second.Objects != first.Objects {
		return fmt.Errorf("the backups are not what was to be measured: %+v, then %+v", first, second)
	}
	last := len(r.list) - 1
	b.say("backup: round %d: list %.3f s, at once %.3f s, backup %.3f s, repeat %.3f s", i, r.list[last], r.parallel[last], r.backup[last], r.repeat[last])
	return nil
}

func (r *backupRounds) measure(ctx context.Context, h *home, into *[]float64) (salvor.Progress, error) {
	var done *salvor.Backup
	t, err := seconds(func() (err error) {
		done, err = h.backup(ctx, "bench")
		return err
	})
	if err != nil {
		return salvor.Progress{}, err
	}
	*into = append(*into, t)
	return done.Status.Progress, nil
}

func listInTurn(ctx context.Context, client *rest.RESTClient) error {
	return countObjects(ctx, client, "bench")
}

// countObjects lists both kinds one after the other, and fails if any object is missing.
func countObjects(ctx context.Context, client *rest.RESTClient, ns string) error {
	for _, path := range listed(ns) {
		if err := listAll(ctx, client, path); err != nil {
			return err
		}
	}
	return nil
}

func listAtOnce(ctx context.Context, client *rest.RESTClient) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, path := range listed("bench") {
		group.Go(func() error { return listAll(ctx, client, path) })
	}
	return group.Wait()
}

func listAll(ctx context.Context, client *rest.RESTClient, path string) error {
	n, err := bareList(ctx, client, path)
	if err == nil && n < perKind {
		err = fmt.Errorf("the bare list of %s has only %d objects", path, n)
	}
	return err
}

// startProfile profiles this process if that was asked for.
func (b *bench) startProfile() (stop func(), err error) {
	if b.profile == "" {
		return func() {}, nil
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return nil, fmt.Errorf("creating the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("starting the profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
