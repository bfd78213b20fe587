package catalogtest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// noon is the moment around which the tests lay their backups.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// change is one trait of a backup under construction.
type change func(*salvor.Backup)

func newBackup(cluster, name string, created time.Time, changes ...change) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name = name
	b.CreationTimestamp = metav1.NewTime(created)
	b.Spec.Cluster = cluster
	b.Spec.Location = "main"
	b.Status.ClusterID = cluster
	b.Status.Phase = salvor.PhasePending
	for _, c := range changes {
		c(b)
	}
	return b
}

func cut(t time.Time) change {
	return func(b *salvor.Backup) { b.Status.CutAt = metav1.NewMicroTime(t) }
}
func phase(p salvor.Phase) change { return func(b *salvor.Backup) { b.Status.Phase = p } }
func schedule(s string) change    { return func(b *salvor.Backup) { b.Spec.Schedule = s } }
func holds(ns ...string) change   { return func(b *salvor.Backup) { b.Status.Namespaces = ns } }

// selects is an application chosen by labels; nil: none.
func selects(labels map[string]string) change {
	return func(b *salvor.Backup) {
		if b.Spec.Scope.LabelSelector = nil; labels != nil {
			b.Spec.Scope.LabelSelector = &metav1.LabelSelector{MatchLabels: labels}
		}
	}
}
func label(k, v string) change {
	return func(b *salvor.Backup) {
		if b.Labels == nil {
			b.Labels = map[string]string{}
		}
		b.Labels[k] = v
	}
}

// good is a Completed backup that holds the namespaces.
func good(ns ...string) change {
	return func(b *salvor.Backup) { b.Status.Phase, b.Status.Namespaces = salvor.PhaseCompleted, ns }
}

// create stores the backup.
func create(t *testing.T, c catalog.Backups, b *salvor.Backup) *salvor.Backup {
	t.Helper()
	if err := c.CreateBackup(t.Context(), b); err != nil {
		t.Fatalf("creating backup %s: %v", b.ID(), err)
	}
	return b
}

// mutate changes the stored backup.
func mutate(t *testing.T, c catalog.Backups, id salvor.BackupID, changes ...change) *salvor.Backup {
	t.Helper()
	b, err := catalog.MutateBackup(t.Context(), c, id, func(b *salvor.Backup) error {
		for _, c := range changes {
			c(b)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("changing backup %s: %v", id, err)
	}
	return b
}

// remove deletes the backup.
func remove(t *testing.T, c catalog.Backups, id salvor.BackupID) {
	t.Helper()
	if err := c.DeleteBackup(t.Context(), id, ""); err != nil {
		t.Fatalf("deleting backup %s: %v", id, err)
	}
}

// searchAll returns all matches, page by page of q.Limit, and checks that every page is full unless it is the last.
func searchAll(t *testing.T, c catalog.Backups, q catalog.Query) (found []*salvor.Backup) {
	t.Helper()
	for {
		page, err := c.Search(t.Context(), q)
		if err != nil {
			t.Fatalf("searching %+v: %v", q, err)
		}
		if limit := max(q.Limit, 1); q.Limit > 0 && (len(page.Backups) > limit || len(page.Backups) < limit && page.Next != "") {
			t.Fatalf("searching %+v: a page of %d, with next %q", q, len(page.Backups), page.Next)
		}
		found = append(found, page.Backups...)
		if page.Next == "" {
			return found
		}
		if q.Cursor == page.Next {
			t.Fatalf("searching %+v: the cursor does not move", q)
		}
		q.Cursor = page.Next
	}
}

// search returns the identities of all matches.
func search(t *testing.T, c catalog.Backups, q catalog.Query) []string {
	t.Helper()
	ids := []string{}
	for _, b := range searchAll(t, c, q) {
		ids = append(ids, b.ID().String())
	}
	return ids
}

// wantSearch fails the test unless the search finds exactly these, in this order.
func wantSearch(t *testing.T, c catalog.Backups, q catalog.Query, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), search(t, c, q)); diff != "" {
		t.Errorf("searching %+v (-want +got):\n%s", q, diff)
	}
}

// wantCode fails the test unless the error carries the code.
func wantCode(t *testing.T, what string, err error, code salvor.Code) {
	t.Helper()
	if !salvor.Is(err, code) {
		t.Errorf("%s: got %v (code %q), want code %q", what, err, salvor.CodeOf(err), code)
	}
}

// wantSame fails the test unless both are the same in JSON, which is how they are kept.
func wantSame(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// reversed returns the strings from last to first.
func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}
