package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/tests/throwaway"
)

// What the memory is measured with. A Secret may hold 1 MiB of data before base64
// (https://kubernetes.io/docs/concepts/configuration/secret/), which is 1.33 MiB of JSON.
const (
	manyObjects  = 100_000
	largeSecrets = 500
	largeText    = (1 << 20) / 3 * 4
	memoryLimit  = 150 // MiB
)

// benchMemory measures the memory of the process `salvor backup create`, as a user runs it.
func benchMemory(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "memory")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	if err := makeNamespaces(ctx, client, "many", "large"); err != nil {
		return nil, err
	}
	if err := b.createMany(ctx, client); err != nil {
		return nil, err
	}
	b.say("memory: creating %d Secrets of 1 MiB", largeSecrets)
	err = create(ctx, client, largeSecrets, func(i int, random *rand.Rand) object {
		return secret("large", fmt.Sprintf("secret-%03d", i), largeText, random)
	})
	if err != nil {
		return nil, err
	}
	var many, chosen, large sample
	for i := range b.rounds {
		if err := many.measure(ctx, b, k, fmt.Sprintf("memory-%d", i), "many"); err != nil {
			return nil, err
		}
		if err := chosen.measure(ctx, b, k, fmt.Sprintf("memory-%d-chosen", i), "many", "-l", "app=bench"); err != nil {
			return nil, err
		}
		if err := large.measure(ctx, b, k, fmt.Sprintf("memory-%d", i), "large"); err != nil {
			return nil, err
		}
	}
	return []Result{
		atMost(memoryLimit, "memory/100000-objects-of-1-KiB", many.memory, "MiB"),
		info("memory/100000-objects-of-1-KiB-time", many.seconds, "s"),
		atMost(memoryLimit, "memory/100000-objects-by-label-with-closure", chosen.memory, "MiB"),
		info("memory/100000-objects-by-label-with-closure-time", chosen.seconds, "s"),
		atMost(memoryLimit, "memory/500-secrets-of-1-MiB", large.memory, "MiB"),
		info("memory/500-secrets-of-1-MiB-time", large.seconds, "s"),
	}, nil
}

// createMany creates the small objects, in parts, so that one sees it go on.
func (b *bench) createMany(ctx context.Context, client *rest.RESTClient) error {
	const part = manyObjects / 10
	for p := range 10 {
		b.say("memory: creating objects %d to %d of %d", p*part+1, (p+1)*part, manyObjects)
		err := create(ctx, client, part, func(i int, random *rand.Rand) object {
			return configMap("many", fmt.Sprintf("config-%06d", p*part+i), kib, random)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sample is a value a round.
type sample struct{ memory, seconds []float64 }

// measure backs one namespace up into an empty location.
func (s *sample) measure(ctx context.Context, b *bench, k *throwaway.Kube, name, namespace string, flags ...string) error {
	c, err := b.newCommand(ctx, name+"-"+namespace, k)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Clean(c.home))
	u, err := c.run(ctx, append([]string{"backup", "create", name, "-n", namespace}, flags...)...)
	if err != nil {
		return err
	}
	s.memory, s.seconds = append(s.memory, u.memory), append(s.seconds, u.seconds)
	b.say("memory: %s: %.1f MiB, %.1f s", name+" of "+namespace, u.memory, u.seconds)
	return nil
}
