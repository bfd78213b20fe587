package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
)

// Engine cuts, keeps and removes the snapshots of the volumes of one cluster.
type Engine struct {
	Cluster Cluster
	// Now is the clock.
	Now func() time.Time
	// CatalogID names the catalog whose snapshots these are: what another made in the cluster is left alone.
	CatalogID string
	// Tuning is for tests; its zero value is right.
	Tuning Tuning
}

// Tuning changes how the engine waits, not what it does.
type Tuning struct {
	// Pause is the first time between two looks at what is awaited, or two tries; it grows to MostPause. Default 20 ms, and 250 ms.
	Pause, MostPause time.Duration
	// CutTime is how long a cut that holds no application may take. Default five minutes.
	CutTime time.Duration
	// AskAfter is for how long a content has to tell errors until the driver itself is asked, and for how long that has to
	// know nothing of a snapshot that is then taken to be deleted. Default 30 s.
	AskAfter time.Duration
	// SilentAfter is how long after its cut the driver is asked for a snapshot of which nothing was heard. Default 20
	// minutes: a csi-snapshotter looks at everything again every 15.
	SilentAfter time.Duration
	// GoneTime is how long it is waited for that deleted objects go, RemoveTime how long a driver may take to delete a
	// snapshot. Default 20 s, and 2 minutes.
	GoneTime, RemoveTime time.Duration
}

func (t Tuning) withDefaults() Tuning {
	if t.Pause == 0 {
		t.Pause = 20 * time.Millisecond
	}
	if t.MostPause == 0 {
		t.MostPause = 250 * time.Millisecond
	}
	if t.CutTime == 0 {
		t.CutTime = 5 * time.Minute
	}
	if t.AskAfter == 0 {
		t.AskAfter = 30 * time.Second
	}
	if t.SilentAfter == 0 {
		t.SilentAfter = 20 * time.Minute
	}
	if t.GoneTime == 0 {
		t.GoneTime = 20 * time.Second
	}
	if t.RemoveTime == 0 {
		t.RemoveTime = 2 * time.Minute
	}
	return t
}

// pageSize is the limit of a list.
const pageSize = 500

// mostAtOnce is how many requests are under way at the same time.
const mostAtOnce = 16

// list hands out all objects of the kind that the selector chooses, decoded. An empty namespace is all of them.
func list[T any](ctx context.Context, c Cluster, r cluster.Resource, namespace, selector string, each func(T) error) error {
	for token := ""; ; {
		q := cluster.ListRequest{Resource: r, Namespace: namespace, LabelSelector: selector, Limit: pageSize, Continue: token}
		result, err := c.List(ctx, q, func(i cluster.Item) error {
			o, err := decode[T](r, i.Raw)
			if err != nil {
				return err
			}
			return each(o)
		})
		if err != nil {
			return fmt.Errorf("listing %s: %w", r, err)
		}
		if token = result.Continue; token == "" {
			return nil
		}
	}
}

func decode[T any](r cluster.Resource, raw []byte) (o T, err error) {
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("decoding an object of %s: %w", r, err)
	}
	return o, nil
}

// merge changes fields of an object by a JSON merge patch and returns it as it is stored from then on.
func merge[T any](ctx context.Context, c Cluster, r cluster.Resource, namespace, name string, change any) (o T, err error) {
	body, err := json.Marshal(change)
	if err != nil {
		return o, fmt.Errorf("encoding a patch: %w", err)
	}
	raw, err := c.Patch(ctx, r, namespace, name, types.MergePatchType, body)
	if err != nil {
		return o, err
	}
	return decode[T](r, raw)
}
