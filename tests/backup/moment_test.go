package backup_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// pairs is how many pairs exist before the writer goes on: with pages of 25 more than 20 pages a kind.
const pairs = 600

// TestAllObjectsAreOfOneMoment backs up while a writer makes pairs, first the ConfigMap A-i, then the Widget B-i and
// the Secret C-i. A backup of one moment may hold an A without its B, but never a B or C without its A.
func TestAllObjectsAreOfOneMoment(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	defineWidgets(t, c)
	ns := namespace(t, c)
	write := func(ctx context.Context, i int) error {
		name := fmt.Sprintf("pair-%06d", i)
		if _, err := c.Create(ctx, configMaps, ns, object("ConfigMap", "v1", name, "")); err != nil {
			return err
		}
		if _, err := c.Create(ctx, widgets, ns, object("Widget", "example.org/v1", name, "")); err != nil {
			return err
		}
		_, err := c.Create(ctx, secrets, ns, object("Secret", "v1", name, ""))
		return err
	}
	for i := range pairs {
		if err := write(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	written := pairs
	writing.Go(func() {
		for ctx.Err() == nil {
			if write(ctx, written) == nil {
				written++
			}
		}
	})
	defer writing.Wait()
	defer stop()

	s := testSite(t, c)
	scope := salvor.Scope{Namespaces: []string{ns}, Kinds: []string{"configmaps", "widgets", "secrets"}}
	rounds := 8
	s.engine.Tuning = backup.Tuning{PageSize: 25, FixedPages: true}
	for i := range rounds {
		name := fmt.Sprintf("one-moment-%d", i)
		b, m := s.backUp(t, name, scope)
		if b.Status.Phase != salvor.PhaseCompleted || len(m.Exceptions) > 0 {
			t.Fatalf("%s: phase %s, exceptions %v", name, b.Status.Phase, m.Exceptions)
		}
		if n, orphans := orphans(s.stored(t, m)); orphans > 0 || n < pairs {
			t.Errorf("%s: %d of %d pairs have a later object without its earlier one", name, orphans, n)
		}
	}

	// The same test finds violations when each kind is read at its newest state: so it can fail.
	s.engine.Tuning = backup.Tuning{PageSize: 25, FixedPages: true, Streams: 1, NoRevision: true}
	found := 0
	for i := 0; i < 30 && found == 0; i++ {
		_, m := s.backUp(t, fmt.Sprintf("each-its-own-moment-%d", i), scope)
		_, n := orphans(s.stored(t, m))
		found += n
	}
	if found == 0 {
		t.Error("without the capture revision no violation was found either: this test proves nothing")
	}
	t.Logf("%d backups of one moment while %d pairs were written; without the capture revision %d violations", rounds, written-pairs, found)
}

// orphans counts ConfigMaps, and the widgets and secrets without a ConfigMap of their name.
func orphans(stored map[string][]byte) (pairs, orphans int) {
	for key := range stored {
		kind, name, _ := strings.Cut(key, " ")
		if !strings.Contains(name, "/pair-") {
			continue
		}
		if kind == "configmaps" {
			pairs++
		} else if stored["configmaps "+name] == nil {
			orphans++
		}
	}
	return pairs, orphans
}
