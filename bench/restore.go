package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"k8s.io/client-go/rest"
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
	if err := c.do(ctx, "backup", "create", "source", "-n", "bench"); err != nil {
		return nil, err
	}
	var plain, restored []float64
	for i := range b.rounds {
		t, u, err := restoreRound(ctx, c, client, i)
		if err != nil {
			return nil, err
		}
		plain, restored = append(plain, t), append(restored, u)
		b.say("restore: round %d: plain creates %.2f s, restore %.2f s", i+1, t, u)
	}
	return []Result{
		info("restore/plain-creates", plain, "s"),
		info("restore/restore", restored, "s"),
		atLeast(0.9, "restore/rate-to-plain-creates", ratios(plain, restored), "x"),
	}, nil
}

// restoreRound times plain creates and a restore. The cluster grows and slows with each, so the two take turns in being first.
func restoreRound(ctx context.Context, c *command, client *rest.RESTClient, round int) (plain, restored float64, err error) {
	sides := []func() error{
		func() (err error) { plain, err = plainCreates(ctx, client, fmt.Sprintf("plain-%d", round)); return err },
		func() (err error) {
			restored, err = restoreInto(ctx, c, client, fmt.Sprintf("restored-%d", round))
			return err
		},
	}
	if round%2 == 1 {
		slices.Reverse(sides)
	}
	for _, side := range sides {
		if err := side(); err != nil {
			return 0, 0, err
		}
	}
	return plain, restored, nil
}

func plainCreates(ctx context.Context, client *rest.RESTClient, namespace string) (float64, error) {
	if err := makeNamespaces(ctx, client, namespace); err != nil {
		return 0, err
	}
	return seconds(func() error {
		return create(ctx, client, 2*perKind, func(i int, random *rand.Rand) object { return numbered(namespace, i, random) })
	})
}

func restoreInto(ctx context.Context, c *command, client *rest.RESTClient, namespace string) (float64, error) {
	took, err := seconds(func() error { return c.do(ctx, "restore", "source", "--map", "bench="+namespace, "--yes") })
	if err != nil {
		return 0, err
	}
	return took, countObjects(ctx, client, namespace)
}
