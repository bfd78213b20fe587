package serve_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/serve"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// served is a server on a real catalog, whose engine can't reach any cluster: a run that was begun ends as Failed.
type served struct {
	*sqlite.Catalog
	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
	// reached tells of each run that tries to reach its cluster; hold, if set, keeps it there.
	reached chan string
	// restored tells of each restore that is done.
	restored chan string
	// rules, if set, are those of a cluster that can be reached, while away is false.
	rules backup.Rules
	disk  location.Location
	away  bool
	hold  chan struct{}
	stop  context.CancelFunc
	done  chan error
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *served) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *served) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *served) set(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

func newServed(t *testing.T) *served {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	disk, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	s := &served{Catalog: c, disk: disk, now: noon, reached: make(chan string, 100), restored: make(chan string, 100)}
	s.create(t, &salvor.Cluster{ObjectMeta: salvor.ObjectMeta{Name: "prod"}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}})
	s.create(t, &salvor.BackupLocation{ObjectMeta: salvor.ObjectMeta{Name: "disk"}, Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: "/nowhere"}}})
	s.create(t, &salvor.SchedulePolicy{ObjectMeta: salvor.ObjectMeta{Name: "hourly"}, Spec: salvor.SchedulePolicySpec{
		Interval: &metav1.Duration{Duration: time.Hour}, Retention: salvor.Retention{Last: 1}}})
	return s
}

func (s *served) create(t *testing.T, o salvor.Object) {
	t.Helper()
	o.Default()
	o.Meta().CreationTimestamp = metav1.NewTime(noon)
	if err := s.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (s *served) schedule(t *testing.T, name string, suspend bool) {
	t.Helper()
	b := &salvor.BackupSchedule{ObjectMeta: salvor.ObjectMeta{Name: name}}
	b.Spec.Policy, b.Spec.Suspend, b.Spec.Overlap = "hourly", suspend, salvor.OverlapQueue
	b.Spec.Template = salvor.BackupTemplate{Labels: map[string]string{"from": name},
		Spec: salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}}
	s.create(t, b)
}

func (s *served) engine() *backup.Engine {
	return &backup.Engine{Catalog: s.Catalog, Now: s.clock, Holder: "server/1/x", CatalogID: "id",
		Open: func(ctx context.Context, b *salvor.Backup) (*backup.Site, error) {
			s.reached <- b.Name
			if s.hold != nil {
				select {
				case <-s.hold:
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.rules == nil || s.away {
				return nil, salvor.Errorf(salvor.Unavailable, "no cluster here")
			}
			return &backup.Site{Rules: s.rules}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
			return nil, salvor.Errorf(salvor.NotFound, "no location here")
		}}
}

// expiry finds that nothing is stored anywhere.
func (s *served) expiry() *expire.Pass {
	return &expire.Pass{Catalog: s.Catalog, Now: s.clock, CatalogID: "id",
		Open: func(context.Context, string, string) (*repository.Repository, error) {
			return repository.New(s.disk, "prod"), nil
		},
		Clusters: func(context.Context, string) ([]string, error) { return nil, nil }}
}

func (s *served) start(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s.stop, s.done = stop, make(chan error, 1)
	server := &serve.Server{Catalog: s.Catalog, Engine: s.engine, Expiry: s.expiry, Now: s.clock, RequestedBy: "ada@example",
		Log: slog.New(slog.NewTextHandler(s, nil)), Poll: 5 * time.Millisecond, Grace: 50 * time.Millisecond,
		Restore: func(_ context.Context, name string) error {
			s.restored <- name
			return nil
		}}
	go func() {
		defer close(s.done)
		s.done <- server.Run(ctx)
	}()
	t.Cleanup(func() { s.end(t) })
}

// end stops the server and waits for it; twice is once.
func (s *served) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// eventually waits until it is so.
func (s *served) eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in a minute: %s\n%s", what, s.logged())
		}
	}
}

func (s *served) get(t *testing.T, name string) *salvor.Backup {
	t.Helper()
	b, err := s.GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: name})
	if err != nil && !salvor.Is(err, salvor.NotFound) {
		t.Fatal(err)
	}
	return b
}

func (s *served) ended(t *testing.T, name string) func() bool {
	return func() bool { b := s.get(t, name); return b != nil && b.Status.Phase.Done() }
}

func TestServeFiresSchedulesOnce(t *testing.T) {
	s := newServed(t)
	s.schedule(t, "shop", false)
	s.schedule(t, "asleep", true)
	s.start(t)
	s.eventually(t, "the first run ended", s.ended(t, "shop-20261122t120000z"))
	b := s.get(t, "shop-20261122t120000z")
	if b.Spec.Schedule != "shop" || !b.Spec.ScheduledFor.Time.Equal(noon) || b.Labels["from"] != "shop" || b.RequestedBy != "schedule/shop by ada@example" {
		t.Errorf("the run is %+v %+v", b.ObjectMeta, b.Spec)
	}
	s.set(noon.Add(59 * time.Minute))
	s.set(noon.Add(3*time.Hour + time.Minute))
	s.eventually(t, "the newest of the missed runs ended", s.ended(t, "shop-20261122t150000z"))
	s.eventually(t, "the run before has expired", func() bool { return s.get(t, "shop-20261122t120000z") == nil })
	s.end(t)
	page, err := s.Search(t.Context(), catalog.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Backups) != 1 || page.Backups[0].Name != "shop-20261122t150000z" {
		t.Errorf("%d runs are left, want the newest: %s", len(page.Backups), s.logged())
	}
	for _, want := range []string{"missed=2", "retention has deleted a backup", "newest 1 that are not usable"} {
		if !strings.Contains(s.logged(), want) {
			t.Errorf("%q is not in the log:\n%s", want, s.logged())
		}
	}
}

func TestServeCancelsAfterItsGrace(t *testing.T) {
	s := newServed(t)
	s.hold = make(chan struct{})
	s.schedule(t, "shop", false)
	s.start(t)
	<-s.reached
	s.end(t)
	if b := s.get(t, "shop-20261122t120000z"); b.Status.Phase != salvor.PhaseCanceled {
		t.Errorf("what still ran is %s: %s", b.Status.Phase, s.logged())
	}
}

// Runs of one schedule never meet: their rules would freeze the same pods.
func TestServeWaitsForTheRunBefore(t *testing.T) {
	s := newServed(t)
	s.hold = make(chan struct{})
	s.schedule(t, "shop", false)
	s.start(t)
	<-s.reached
	s.set(noon.Add(time.Hour))
	s.eventually(t, "the second run was recorded", func() bool { return s.get(t, "shop-20261122t130000z") != nil })
	time.Sleep(50 * time.Millisecond) // some turns
	if b := s.get(t, "shop-20261122t130000z"); b.Status.Phase != salvor.PhasePending || len(s.reached) > 0 {
		t.Errorf("the second run is not waiting while the first one runs: %+v", b)
	}
	close(s.hold)
	s.eventually(t, "the second run followed", s.ended(t, "shop-20261122t130000z"))
}
