package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
)

// manyNamespaces brings about three segments each: of ConfigMaps, of Secrets and of the ServiceAccount that each has.
const manyNamespaces = 300

// benchRequests counts what a repeat with nothing changed asks of the location, for few segments and for many. A list
// is counted by the page of 1,000 entries, as S3 answers it.
func benchRequests(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "requests")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range manyNamespaces {
		names = append(names, fmt.Sprintf("many-%03d", i))
	}
	if err := makeNamespaces(ctx, client, names...); err != nil {
		return nil, err
	}
	err = create(ctx, client, 2*len(names), func(i int, random *rand.Rand) object {
		if i%2 == 0 {
			return configMap(names[i/2], "config", kib, random)
		}
		return secret(names[i/2], "secret", kib, random)
	})
	if err != nil {
		return nil, err
	}
	var few, many, fewSegments, manySegments []float64
	for i := range b.rounds {
		for j, side := range []struct {
			namespaces         string
			requests, segments *[]float64
		}{{names[0], &few, &fewSegments}, {"many-*", &many, &manySegments}} {
			h, err := newHome(ctx, filepath.Join(b.dir, fmt.Sprintf("requests-%d-%d", i, j)), config)
			if err != nil {
				return nil, err
			}
			if err := countRepeat(ctx, h, side.namespaces, side.requests, side.segments); err != nil {
				return nil, err
			}
		}
	}
	return []Result{
		info("requests/few-segments", fewSegments, "segments"),
		info("requests/of-repeat-with-few", few, "requests"),
		info("requests/many-segments", manySegments, "segments"),
		info("requests/of-repeat-with-many", many, "requests"),
		atMost(1, "requests/many-to-few", ratios(many, few), "x"),
	}, nil
}

// countRepeat backs up twice and counts the second time.
func countRepeat(ctx context.Context, h *home, namespaces string, requests, segments *[]float64) error {
	defer h.close()
	if _, err := h.backup(ctx, namespaces); err != nil {
		return err
	}
	before := h.requests.Counts()
	repeat, err := h.backup(ctx, namespaces)
	if err != nil {
		return err
	}
	if repeat.Status.Progress.SegmentsUploaded != 0 {
		return fmt.Errorf("the repeat stored %d segments, though nothing had changed", repeat.Status.Progress.SegmentsUploaded)
	}
	*requests = append(*requests, float64(h.requests.Counts().Sub(before).Requests()))
	*segments = append(*segments, float64(repeat.Status.Progress.Segments))
	return nil
}
