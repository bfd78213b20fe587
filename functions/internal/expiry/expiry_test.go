package expiry

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, bad := range []string{``, `[]`, `{}`, `{"expire":false}`, `{"expire":true,"collect":true}`, `{"expire":true,"name":"b"}`, `{"job":"Delete"}`, `{"job":"Delete","name":"b"}`,
		`{"job":"Backup","clusterID":"c","name":"b"}`, `{"sweep":true}`} {
		if a, err := parse([]byte(bad)); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s is read as %+v, %v", bad, a, err)
		}
	}
	samples, err := filepath.Glob("../../expire/events/*.json")
	if err != nil || len(samples) != 3 {
		t.Fatalf("samples: %v, %v", samples, err)
	}
	for _, path := range samples {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// office is an expiry on a real catalog and a directory.
type office struct {
	*Expiry
	catalog *sqlite.Catalog
	now     time.Time
	logs    bytes.Buffer
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{now: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)}
	var err error
	if o.catalog, err = sqlite.Open(filepath.Join(t.TempDir(), "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.catalog.Close() })
	disk, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	env := map[string]string{"SALVOR_TABLE": "t", "SALVOR_STACK": "s"}
	h, err := home.Open(t.Context(), func(name string) string { return env[name] }, &o.logs)
	if err != nil {
		t.Fatal(err)
	}
	o.Expiry = &Expiry{Home: h, Pass: func(by string) *expire.Pass {
		return &expire.Pass{Catalog: o.catalog, CatalogID: "cat", By: by, Now: func() time.Time { return o.now },
			Open: func(context.Context, string, string) (*repository.Repository, error) {
				return repository.New(disk, "prod"), nil
			},
			Clusters: func(context.Context, string) ([]string, error) { return []string{"prod"}, nil }}
	}}
	for name, object := range map[string]salvor.Object{
		"disk":    &salvor.BackupLocation{Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: "/x"}}},
		"hourly":  &salvor.SchedulePolicy{Spec: salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: time.Hour}, Retention: salvor.Retention{Last: 1}}},
		"nightly": &salvor.BackupSchedule{Spec: salvor.BackupScheduleSpec{Policy: "hourly"}},
	} {
		object.Meta().Name = name
		object.Default()
		if err := o.catalog.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o *office) backup(t *testing.T, name string, age time.Duration, phase salvor.Phase) {
	t.Helper()
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Spec.Schedule, b.Spec.Location = name, "nightly", "disk"
	b.Status = salvor.BackupStatus{Phase: phase, ClusterID: "prod", CutAt: metav1.NewMicroTime(o.now.Add(-age))}
	b.CreationTimestamp = metav1.NewTime(o.now.Add(-age))
	if err := o.catalog.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func (o *office) handle(t *testing.T, event string) *Answer {
	t.Helper()
	a, err := o.Handle(t.Context(), json.RawMessage(event))
	if err != nil {
		t.Fatalf("%s: %v\n%s", event, err, o.logs.String())
	}
	return a.(*Answer)
}

func TestEventsDeleteWhatTheyAskFor(t *testing.T) {
	o := newOffice(t)
	o.backup(t, "old", 3*time.Hour, salvor.PhaseFailed)
	o.backup(t, "new", time.Hour, salvor.PhaseFailed)
	o.backup(t, "asked", 5*time.Hour, salvor.PhaseDeleting)
	o.backup(t, "killed", 6*time.Hour, salvor.PhaseDeleting)
	for range 2 { // delivered twice
		a := o.handle(t, `{"job":"Delete","clusterID":"prod","name":"asked"}`)
		if len(a.Deleted) > 1 || len(a.Deleted) == 1 && a.Deleted[0].Name != "asked" {
			t.Errorf("got %+v", a)
		}
	}
	if _, err := o.Handle(t.Context(), json.RawMessage(`{"job":"Delete","clusterID":"prod","name":"new"}`)); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("deleting what nobody has asked to delete: %v", err)
	}
	if a := o.handle(t, `{"collect":true}`); len(a.Deleted) != 1 || a.Deleted[0].Name != "killed" || a.Segments == nil {
		t.Errorf("collecting: %+v", a)
	}
	if a := o.handle(t, `{"expire":true}`); len(a.Deleted) != 1 || a.Deleted[0].Name != "old" || a.Kept != 1 || !strings.Contains(a.Deleted[0].Reason, "newest 1") {
		t.Errorf("expiring: %+v", a)
	}
	for _, want := range []string{`"msg":"deleted a backup","function":"","backup":"old"`, `"BackupsDeleted":1`, `"SegmentsRemoved":0`, `"ExpiryFailed":1`, `"reason":"is not among`} {
		if !strings.Contains(o.logs.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, o.logs.String())
		}
	}
}
