package main

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// benchRestore restores 10,000 objects into a fresh namespace by the command `salvor restore`, from its start to its
// end, and in turn creates as many in another by plain requests of 16 workers.
func benchRestore(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "restore")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	b.say("restore: creating %d objects", 2*perKind)
	if err := populate(ctx, client, "bench"); err != nil {
		return nil, err
	}
	c, err := b.newCommand(ctx, "restore", k)
	if err != nil {
		return nil, err
	}
	if _, err := c.run(ctx, "backup", "create", "source", "-n", "bench"); err != nil {
		return nil, err
	}
	var plain, restored []float64
	for i := range b.rounds {
		ns := fmt.Sprintf("plain-%d", i)
		if err := makeNamespaces(ctx, client, ns); err != nil {
			return nil, err
		}
		t, err := seconds(func() error {
			return create(ctx, client, 2*perKind, func(i int, random *rand.Rand) object { return numbered(ns, i, random) })
		})
		if err != nil {
			return nil, err
		}
		u, err := c.run(ctx, "restore", "source", "--map", fmt.Sprintf("bench=restored-%d", i), "--yes")
		if err != nil {
			return nil, err
		}
		if err := countObjects(ctx, client, fmt.Sprintf("restored-%d", i)); err != nil {
			return nil, err
		}
		plain, restored = append(plain, t), append(restored, u.seconds)
		b.say("restore: round %d: plain creates %.2f s, restore %.2f s", i+1, t, u.seconds)
	}
	return []Result{
		info("restore/plain-creates", plain, "s"),
		info("restore/restore", restored, "s"),
		atLeast(0.9, "restore/rate-to-plain-creates", ratios(plain, restored), "x"),
	}, nil
}
