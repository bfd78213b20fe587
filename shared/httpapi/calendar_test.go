package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

func (a *api) record(name string, day int, changes ...func(*salvor.Backup)) *salvor.Backup {
	a.t.Helper()
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.CreationTimestamp = name, metav1.NewTime(now.AddDate(0, 0, -day))
	b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
	b.Status.ClusterID, b.Status.Phase, b.Status.Namespaces = "prod", salvor.PhaseCompleted, []string{"shop"}
	for _, change := range changes {
		change(b)
	}
	if err := a.catalog.CreateBackup(a.t.Context(), b); err != nil {
		a.t.Fatal(err)
	}
	return b
}

func TestCalendar(t *testing.T) {
	a := newAPI(t)
	a.record("today", 0)
	a.record("failed", 2, func(b *salvor.Backup) { b.Status.Phase = salvor.PhaseFailed })
	a.record("good", 2)
	for query, want := range map[string]string{
		"last=3d":                        "2026-11-19:0 2026-11-20:2 2026-11-21:0 2026-11-22:1",
		"on=2026-11-20":                  "2026-11-20:2",
		"on=2026-11-20&phase=Failed":     "2026-11-20:1",
		"between=2026-11-20..2026-11-21": "2026-11-20:2 2026-11-21:0",
		"from=2026-11-20&asOf=2026-11-21&zone=Pacific/Kiritimati": "2026-11-20:0 2026-11-21:2", // noon in UTC is the next day there
	} {
		var c struct {
			Zone string
			Days []struct {
				Date    string
				Backups int
			}
		}
		if err := json.Unmarshal(a.call(200, "GET", "/v1/calendar?"+query, "").Body.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range c.Days {
			got = append(got, fmt.Sprintf("%s:%d", d.Date, d.Backups))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, want %s", query, strings.Join(got, " "), want)
		}
	}
	var month struct{ Days []any }
	if err := json.Unmarshal(a.call(200, "GET", "/v1/calendar", "").Body.Bytes(), &month); err != nil || len(month.Days) != 30 {
		t.Errorf("without dates: %d days, %v", len(month.Days), err)
	}
	for _, query := range []string{"limit=3", "from=2020-01-01", "cursor=x", "on=3h", "from=2026-11-20&to=2026-11-10", "between=2026-11-20..2026-11-19"} {
		a.call(400, "GET", "/v1/calendar?"+query, "")
	}
}

func TestSyncIsAskedFor(t *testing.T) {
	a := newAPI(t)
	var asked []string
	a.server.Sync = func(_ context.Context, name string) error {
		asked = append(asked, name)
		return nil
	}
	a.fill()
	a.call(202, "POST", "/v1/locations/bucket/sync", "")
	a.call(404, "POST", "/v1/locations/none/sync", "")
	if !slices.Equal(asked, []string{"bucket"}) {
		t.Errorf("asked for %v", asked)
	}
}

// A search for an object opens the backups that the other conditions find; segments whose ends tell, and those that were
// read for another backup, are not read.
func TestBackupsThatContainAnObject(t *testing.T) {
	a := newAPI(t)
	store, err := dir.Open(t.Context(), filepath.Join(t.TempDir(), "location"), dir.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	requests := location.Count(store)
	repo := repository.New(requests, "prod")
	a.server.Open = func(context.Context, string, string) (*repository.Repository, error) { return repo, nil }
	contain := func(names ...string) func(*salvor.Backup) {
		return func(b *salvor.Backup) { b.Status.RootDigest = commit(t, repo, b, names) }
	}
	a.record("with", 1, contain("a", "web", "z"))
	a.record("same", 2, contain("a", "web", "z"))
	a.record("without", 3, contain("a", "b", "z"))
	a.record("last", 4, contain("a", "web"))
	a.record("beside", 5, contain("x", "z"))
	a.record("failed", 1, func(b *salvor.Backup) { b.Status.Phase = salvor.PhaseFailed })
	before := requests.Counts()
	a.namesOf("namespace=shop&last=30d&contains=deployments/web")
	if gets := requests.Counts().Sub(before).Gets; gets != 5+2 {
		t.Errorf("%d reads, want 5 manifests and 2 segments", gets)
	}
	for object, want := range map[string]string{"deployments/web": "with same last", "Deployment/web": "with same last", "deployments.apps/web": "with same last",
		"services/web": "", "deployments/nothing": ""} {
		if got := a.namesOf("namespace=shop&last=30d&contains=" + object); got != want {
			t.Errorf("%s is found in %q, want %q", object, got, want)
		}
	}
	if got := a.namesOf("namespace=bank&last=30d&contains=deployments/web"); got != "" {
		t.Errorf("another namespace: %q", got)
	}
	for _, query := range []string{"contains=web", "contains=deployments/web", "namespace=shop&contains=deployments/web", "namespace=shop&last=1d&contains=deployments/w*"} {
		a.call(400, "GET", "/v1/backups?"+query, "")
	}
	a.server.Open = nil
	a.call(400, "GET", "/v1/backups?namespace=shop&last=1d&contains=deployments/web", "")
}

func (a *api) namesOf(query string) string {
	a.t.Helper()
	var page struct{ Items []salvor.Backup }
	if err := json.Unmarshal(a.call(200, "GET", "/v1/backups?"+query, "").Body.Bytes(), &page); err != nil {
		a.t.Fatal(err)
	}
	var names []string
	for _, b := range page.Items {
		names = append(names, b.Name)
	}
	return strings.Join(names, " ")
}

// commit stores a backup with these Deployments, in one segment, and returns its root digest.
func commit(t *testing.T, repo *repository.Repository, b *salvor.Backup, names []string) string {
	t.Helper()
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":%q,"namespace":"shop"}}`+"\n", name)
	}
	encoder, err := archive.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := encoder.Encode(strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	s := archive.Segment{Namespace: "shop", Digest: location.Bytes([]byte(lines.String())).SHA256(), Objects: int64(len(names)), Bytes: int64(lines.Len()),
		First: names[0], Last: names[len(names)-1]}
	if err := repo.PutSegment(t.Context(), s.Digest, stored); err != nil {
		t.Fatal(err)
	}
	root, err := repo.Commit(t.Context(), &archive.Manifest{FormatVersion: archive.FormatVersion, Backup: b.Name, Cluster: "prod", Spec: b.Spec, Phase: b.Status.Phase,
		Kinds: []archive.Kind{{Resource: cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}, Segments: []archive.Segment{s}}}})
	if err != nil {
		t.Fatal(err)
	}
	return root
}
