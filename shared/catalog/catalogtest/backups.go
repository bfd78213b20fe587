package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func backupLife(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	id := salvor.BackupID{ClusterID: "prod", Name: "one"}
	_, err := c.GetBackup(ctx, id)
	wantCode(t, "getting one that was never made", err, salvor.NotFound)
	wantCode(t, "deleting one that was never made", c.DeleteBackup(ctx, id, ""), salvor.NotFound)
	wantCode(t, "updating one that was never made", c.UpdateBackup(ctx, newBackup("prod", "one", noon)), salvor.Conflict)

	b := create(t, c, newBackup("prod", "one", noon, label("app", "shop")))
	first := b.ResourceVersion
	if first == "" {
		t.Fatal("a created backup carries no resource version")
	}
	again := newBackup("prod", "one", noon.Add(time.Hour), holds("shop"))
	wantCode(t, "creating it again", c.CreateBackup(ctx, again), salvor.Exists)
	if again.ResourceVersion != "" {
		t.Errorf("a refused backup carries resource version %q", again.ResourceVersion)
	}
	create(t, c, newBackup("stage", "one", noon)) // The same name in another cluster is another backup.
	got, err := c.GetBackup(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "what was created", b, got)

	b.Status.Phase = salvor.PhaseCapturing
	if err := c.UpdateBackup(ctx, b); err != nil {
		t.Fatal(err)
	}
	if b.ResourceVersion == first {
		t.Error("an update left the resource version as it was")
	}
	got.Status.Phase = salvor.PhaseFailed
	wantCode(t, "updating with an old resource version", c.UpdateBackup(ctx, got), salvor.Conflict)
	if got.ResourceVersion != first {
		t.Errorf("a refused update changed the resource version to %q", got.ResourceVersion)
	}
	if got, err = c.GetBackup(ctx, id); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "what was updated", b, got)

	wantCode(t, "deleting with an old resource version", c.DeleteBackup(ctx, id, first), salvor.Conflict)
	if err := c.DeleteBackup(ctx, id, b.ResourceVersion); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetBackup(ctx, id)
	wantCode(t, "getting a deleted one", err, salvor.NotFound)
	wantCode(t, "deleting it again", c.DeleteBackup(ctx, id, ""), salvor.NotFound)
	wantCode(t, "updating a deleted one", c.UpdateBackup(ctx, b), salvor.Conflict)
	wantSearch(t, c, catalog.Query{}, "stage/one")
	create(t, c, newBackup("prod", "one", noon.Add(time.Second)))
	wantSearch(t, c, catalog.Query{}, "prod/one", "stage/one")
}

func backupInvalid(t *testing.T, c catalog.Catalog) {
	for what, b := range map[string]*salvor.Backup{
		"without name":                newBackup("prod", "", noon),
		"without cluster id":          newBackup("", "one", noon),
		"without date":                newBackup("prod", "one", time.Time{}),
		"of the year 10000":           newBackup("prod", "one", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"with a name that's too long": newBackup("prod", strings.Repeat("n", catalog.MaxName+1), noon),
		"with a name not in UTF-8":    newBackup("prod", "a\xc3", noon),
		"with an empty namespace":     newBackup("prod", "one", noon, holds("shop", "")),
	} {
		wantCode(t, "creating a backup "+what, c.CreateBackup(t.Context(), b), salvor.Invalid)
		wantCode(t, "updating a backup "+what, c.UpdateBackup(t.Context(), b), salvor.Invalid)
	}
	wantSearch(t, c, catalog.Query{})
}

func backupCreateRace(t *testing.T, c catalog.Catalog) {
	backups := make([]*salvor.Backup, 16)
	winner := wantOneWinner(t, race(func(i int) error {
		// Pairs are the same in every byte; pairs differ in their dates.
		backups[i] = newBackup("prod", "one", noon.Add(time.Duration(i/2)*time.Hour), good(fmt.Sprint("ns-", i/2)))
		return c.CreateBackup(t.Context(), backups[i])
	}), salvor.Exists)
	got, err := c.GetBackup(t.Context(), backups[0].ID())
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "the winner's backup", backups[winner], got)
	wantSearch(t, c, catalog.Query{}, "prod/one")
	for i := range 8 {
		q := catalog.Query{Namespace: fmt.Sprint("ns-", i)}
		if i == winner/2 {
			wantSearch(t, c, q, "prod/one")
		} else {
			wantSearch(t, c, q)
		}
	}
}

func backupCounter(t *testing.T, c catalog.Catalog) {
	const each = 5
	id := create(t, c, newBackup("prod", "one", noon)).ID()
	for i, err := range race(func(i int) error {
		for range each {
			_, err := catalog.MutateBackup(t.Context(), c, id, func(b *salvor.Backup) error {
				b.Status.Progress.Objects++
				b.Status.Lease.Holder = fmt.Sprint(i)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("worker %d: %v", i, err)
		}
	}
	b, err := c.GetBackup(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if b.Status.Progress.Objects != 16*each {
		t.Errorf("%d updates were counted, %d were made", b.Status.Progress.Objects, 16*each)
	}
	enough := errors.New("enough")
	_, err = catalog.MutateBackup(t.Context(), c, id, func(*salvor.Backup) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("an error of the change came back as %v", err)
	}
}

func backupNames(t *testing.T, c catalog.Catalog) {
	odd := []string{"a", "a ", "a !", "a!", "a#b", "a%20b", "a'b", "a-b", "a.b", "a/b", "a:b", "a\x00b", "a_b", "a\\b", "a\"b", "a|b",
		"nightly-20261120t020000z", strings.Repeat("n", catalog.MaxName), strings.Repeat("-", catalog.MaxName), "é", "日本", "🎉"}
	for i, n := range odd {
		create(t, c, newBackup(n, odd[len(odd)-1-i], noon, good(n), schedule(n)))
	}
	if got := search(t, c, catalog.Query{Limit: 3}); len(got) != len(odd) {
		t.Errorf("found %d of %d: %q", len(got), len(odd), got)
	}
	for i, n := range odd {
		b, err := c.NewestGood(t.Context(), n, n, noon)
		if err != nil {
			t.Fatalf("the newest good backup of %q: %v", n, err)
		}
		want := salvor.BackupID{ClusterID: n, Name: odd[len(odd)-1-i]}
		if b.ID() != want {
			t.Errorf("the newest good backup of %q is %q", n, b.ID())
		}
		for _, q := range []catalog.Query{{ClusterID: n}, {Namespace: n}, {Schedule: n}, {ClusterID: n, Namespace: n}} {
			wantSearch(t, c, q, want.String())
		}
		remove(t, c, want)
	}
	wantSearch(t, c, catalog.Query{})
}

func backupBig(t *testing.T, c catalog.Catalog) {
	b := newBackup("prod", "big", noon, good())
	for i := range 400 {
		b.Status.Namespaces = append(b.Status.Namespaces, fmt.Sprintf("tenant-%04d", i))
	}
	for i := range 5000 {
		b.Status.Failures = append(b.Status.Failures, salvor.Failure{Kind: "secrets", Namespace: fmt.Sprintf("tenant-%04d", i), Objects: -1,
			Reason: "secrets is forbidden: User \"salvor\" cannot list resource \"secrets\" in API group \"\" in the namespace"})
	}
	create(t, c, b)
	wantSearch(t, c, catalog.Query{Namespace: "tenant-0399"}, "prod/big")
	b.Status.CutAt = metav1.NewMicroTime(noon.Add(time.Hour))
	if err := c.UpdateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	got, err := c.NewestGood(t.Context(), "prod", "tenant-0377", noon.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "the big backup", b, got)
	_, err = c.NewestGood(t.Context(), "prod", "tenant-0377", noon)
	wantCode(t, "the newest good one before its cut", err, salvor.NotFound)
	remove(t, c, b.ID())
	wantSearch(t, c, catalog.Query{Namespace: "tenant-0399"})
}

func backupContext(t *testing.T, c catalog.Catalog) {
	b := create(t, c, newBackup("prod", "one", noon))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	for what, do := range map[string]func() error{
		"CreateBackup": func() error { return c.CreateBackup(ctx, newBackup("prod", "two", noon)) },
		"UpdateBackup": func() error { return c.UpdateBackup(ctx, b) },
		"GetBackup":    func() error { _, err := c.GetBackup(ctx, b.ID()); return err },
		"DeleteBackup": func() error { return c.DeleteBackup(ctx, b.ID(), "") },
		"Search":       func() error { _, err := c.Search(ctx, catalog.Query{}); return err },
		"NewestGood":   func() error { _, err := c.NewestGood(ctx, "prod", "shop", noon); return err },
		"Create":       func() error { return c.Create(ctx, newRule("one", "sync")) },
		"List":         func() error { _, _, err := c.List(ctx, salvor.KindRule, "", 0); return err },
	} {
		wg.Go(func() {
			err := do()
			wantCode(t, what+" with an ended context", err, salvor.Canceled)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v hides context.Canceled", what, err)
			}
		})
	}
	wg.Wait()
	wantSearch(t, c, catalog.Query{}, "prod/one")
}
