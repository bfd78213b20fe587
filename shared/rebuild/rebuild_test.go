package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/salvor"
)

// The catalog's file is deleted: one sync brings every backup back, with its events, and another does nothing.
func TestALostCatalogComesBack(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	w.backup(e, "prod", "first")
	w.backup(e, "prod", "settled", w.event(archive.EventSettled, salvor.PhasePartiallyFailed))
	w.backup(e, "prod", "held", w.event(archive.EventHeld, ""))
	w.backup(e, "prod", "expired", w.event(archive.EventExpired, ""))
	w.backup(e, "stage", "first")
	w.sync(e, salvor.LocationSync{Manifests: 5})
	before, files := w.backups(e), w.files()

	e = w.lose(e)
	if len(w.backups(e)) != 0 {
		t.Fatal("nothing was lost")
	}
	w.sync(e, salvor.LocationSync{Manifests: 5, Imported: 5})
	if diff := cmp.Diff(before, w.backups(e)); diff != "" {
		t.Errorf("what came back (-before +after):\n%s", diff)
	}
	for name, phase := range map[string]salvor.Phase{"first": salvor.PhaseCompleted, "settled": salvor.PhasePartiallyFailed, "expired": salvor.PhaseDeleting} {
		if b := w.get(e, "prod", name); b.Status.Phase != phase {
			t.Errorf("%s is %s, want %s", name, b.Status.Phase, phase)
		}
	}
	if b, err := e.Catalog.NewestGood(t.Context(), "prod", "shop", w.now); err != nil || b.Name != "held" {
		t.Errorf("the newest good one: %v, %v", b, err)
	}
	after := w.backups(e)
	w.sync(e, salvor.LocationSync{Manifests: 5})
	if diff := cmp.Diff(after, w.backups(e)); diff != "" {
		t.Errorf("the second sync changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(files, w.files()); diff != "" {
		t.Errorf("syncing changed the location (-before +after):\n%s", diff)
	}
}

func TestAManifestThatIsGoneIsMarked(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	stays, goes := w.backup(e, "prod", "stays"), w.backup(e, "prod", "goes")
	running := salvor.New(salvor.KindBackup).(*salvor.Backup)
	running.Name, running.CreationTimestamp, running.Spec.Location = "running", goes.CreationTimestamp, "disk"
	running.Status.ClusterID, running.Status.Phase = "prod", salvor.PhaseCapturing
	elsewhere := *goes
	elsewhere.Name, elsewhere.Spec.Location, elsewhere.ResourceVersion = "elsewhere", "other", ""
	if err := errors.Join(e.Catalog.CreateBackup(t.Context(), running), e.Catalog.CreateBackup(t.Context(), &elsewhere)); err != nil {
		t.Fatal(err)
	}
	key := w.repo("prod").Keys().Manifest("goes")
	body, _, err := w.loc.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	manifest := make([]byte, 1<<16)
	n, _ := body.Read(manifest)
	body.Close()
	if err := w.loc.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	w.sync(e, salvor.LocationSync{Manifests: 1, Gone: 1})
	w.sync(e, salvor.LocationSync{Manifests: 1})
	b := w.get(e, "prod", "goes")
	if b.Status.Phase != salvor.PhaseFailed || !strings.Contains(b.Status.Message, "its manifest is gone") {
		t.Errorf("it is %s: %s", b.Status.Phase, b.Status.Message)
	}
	if got := w.get(e, "prod", "stays"); got.ResourceVersion != stays.ResourceVersion {
		t.Error("one that is there was changed")
	}
	if got := w.get(e, "prod", "elsewhere"); got.Status.Phase != salvor.PhaseCompleted {
		t.Error("one of another location was marked")
	}
	if got := w.get(e, "prod", "running"); got.Status.Phase != salvor.PhaseCapturing {
		t.Error("one that is running was marked")
	}
	if _, err := w.loc.Put(t.Context(), key, location.Bytes(manifest[:n])); err != nil {
		t.Fatal(err)
	}
	w.sync(e, salvor.LocationSync{Manifests: 2, Back: 1})
	if got := w.get(e, "prod", "goes"); got.Status.Phase != salvor.PhaseCompleted || got.Annotations[salvor.ManifestGoneAnnotation] != "" {
		t.Errorf("its manifest is back, and it is %s, %v", got.Status.Phase, got.Annotations)
	}
	w.sync(e, salvor.LocationSync{Manifests: 2})
}

// What can't be read is named, and stops nothing else.
func TestADamagedManifestStopsNothing(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	w.backup(e, "prod", "a")
	w.backup(e, "prod", "b")
	if _, err := w.loc.Put(t.Context(), w.repo("prod").Keys().Manifest("torn"), location.Bytes([]byte("{}"))); err != nil {
		t.Fatal(err)
	}
	e = w.lose(e)
	w.sync(e, salvor.LocationSync{Manifests: 3, Imported: 2, Unreadable: 1})
	l, err := e.Catalog.Get(t.Context(), salvor.KindBackupLocation, "disk")
	if err != nil || !strings.Contains(l.(*salvor.BackupLocation).Status.Sync.Message, `"torn"`) {
		t.Errorf("the location's status: %+v, %v", l, err)
	}
}

// What the catalog keeps of it must not grow with what went wrong.
func TestManyDamagedManifestsAreNamedInPart(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	for i := range 60 {
		name := fmt.Sprintf("b-%02d", i)
		w.backup(e, fmt.Sprint("cluster-", i%3), name)
		if err := os.WriteFile(filepath.Join(w.dir, "location", fmt.Sprint("cluster-", i%3), "backups", name, "manifest.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e = w.lose(e)
	r, err := e.Sync(t.Context(), "disk")
	if !salvor.Is(err, salvor.Corrupt) || r.Unreadable != 60 || len(r.Message) > 5000 || !strings.Contains(r.Message, `backup "b-00"`) {
		t.Errorf("the sync ended with %+v: %v", r, err)
	}
}

// stopping calls stop at the nth reading.
type stopping struct {
	location.Location
	n    int
	stop func()
}

func (s *stopping) Get(ctx context.Context, key string) (io.ReadCloser, location.Info, error) {
	if s.n--; s.n == 0 {
		s.stop()
	}
	return s.Location.Get(ctx, key)
}

// What an interrupted sync did not come to is not unreadable; the next one imports it.
func TestAnInterruptedSyncStops(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	for i := range 20 {
		w.backup(e, fmt.Sprint("cluster-", i%2), fmt.Sprintf("b-%02d", i))
	}
	e = w.lose(e)
	ctx, stop := context.WithCancel(t.Context())
	open := e.Open
	e.Open = func(context.Context, *salvor.BackupLocation) (location.Location, error) {
		return &stopping{w.loc, 8, stop}, nil
	}
	r, err := e.Sync(ctx, "disk")
	if !errors.Is(err, context.Canceled) || r.Imported == 0 || r.Unreadable > 1 || r.Gone > 0 || !r.Complete.IsZero() {
		t.Errorf("interrupted it ended with %+v: %v", r, err)
	}
	e.Open = open
	w.sync(e, salvor.LocationSync{Manifests: 20, Imported: 20 - r.Imported})
}

// Another catalog reads the part of the first: it imports everything, follows its events, and writes nothing.
func TestAnotherCatalogIsReadOnly(t *testing.T) {
	w := newWorld(t)
	owner, reader := w.engine("owner"), w.engine("reader")
	schedule(t, owner, "nightly")
	w.backup(owner, "prod", "one", w.event(archive.EventSettled, salvor.PhaseCompleted))
	w.sync(owner, salvor.LocationSync{Manifests: 1, SettingsExported: 1})
	files := w.files()
	foreign := []string{"prod"}
	w.sync(reader, salvor.LocationSync{Manifests: 1, Imported: 1, SettingsImported: 1, Foreign: foreign})
	w.sync(reader, salvor.LocationSync{Manifests: 1, Foreign: foreign})
	s, err := reader.Catalog.Get(t.Context(), salvor.KindBackupSchedule, "nightly")
	if err != nil || !s.(*salvor.BackupSchedule).Spec.Suspend {
		t.Errorf("the schedule of another catalog is %+v, %v; want it suspended", s, err)
	}
	if err := reader.Export(t.Context(), salvor.KindBackupSchedule, "nightly"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, w.files()); diff != "" {
		t.Errorf("the reader wrote (-before +after):\n%s", diff)
	}
	if err := w.repo("prod").PutEvent(t.Context(), "one", w.event(archive.EventHeld, "")); err != nil {
		t.Fatal(err)
	}
	w.sync(reader, salvor.LocationSync{Manifests: 1, Updated: 1, Foreign: foreign})
	if b := w.get(reader, "prod", "one"); b.Status.Hold == nil {
		t.Errorf("the reader did not learn of the hold: %+v", b.Status)
	}
	w.sync(reader, salvor.LocationSync{Manifests: 1, Foreign: foreign})
	behind := w.event(archive.EventReleased, "") // by a machine whose clock is behind
	behind.ID = "0" + behind.ID[1:]
	if err := w.repo("prod").PutEvent(t.Context(), "one", behind); err != nil {
		t.Fatal(err)
	}
	w.sync(reader, salvor.LocationSync{Manifests: 1, Updated: 1, Foreign: foreign})
	w.sync(reader, salvor.LocationSync{Manifests: 1, Foreign: foreign})
	if err := w.repo("prod").Remove(t.Context(), "one", reader.CatalogID); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("the reader may remove a backup: %v", err)
	}
}

// What another catalog made is neither deleted nor held here, and says so before anything changes. Once it is gone there, it
// can be forgotten here.
func TestABackupOfAnotherCatalogIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	owner, reader := w.engine("owner"), w.engine("reader")
	one := w.backup(owner, "prod", "one")
	waiting := w.backup(owner, "prod", "waiting", w.event(archive.EventSettled, salvor.PhaseSettling))
	foreign := []string{"prod"}
	w.sync(reader, salvor.LocationSync{Manifests: 2, Imported: 2, Foreign: foreign})
	files, before := w.files(), w.backups(reader)
	_, deleted := backup.RequestDelete(t.Context(), reader.Catalog, one.ID(), w.now, true)
	_, held := backup.Hold(t.Context(), reader.Catalog, one.ID(), salvor.Hold{By: "eve", Since: metav1.NewTime(w.now)}, w.repo("prod"))
	_, settled := (&backup.Settler{Catalog: reader.Catalog}).Settle(t.Context(), waiting.ID())
	for what, err := range map[string]error{"deleted": deleted, "held": held, "settled": settled} {
		if !salvor.Is(err, salvor.Conflict) || !strings.Contains(err.Error(), `belongs to the catalog "owner"`) || !strings.Contains(err.Error(), "salvor location sync disk") {
			t.Errorf("%s here: %v", what, err)
		}
	}
	if backup.Forgotten(w.get(reader, "prod", "waiting"), w.now.AddDate(0, 0, 3)) {
		t.Error("its snapshots are to be looked after here")
	}
	if diff := cmp.Diff(files, w.files()) + cmp.Diff(before, w.backups(reader)); diff != "" {
		t.Errorf("the reader changed (-before +after):\n%s", diff)
	}

	expired := w.event(archive.EventExpired, "")
	if err := w.repo("prod").PutEvent(t.Context(), "waiting", expired); err != nil {
		t.Fatal(err)
	}
	w.sync(reader, salvor.LocationSync{Manifests: 2, Updated: 1, Foreign: foreign})
	for _, name := range []string{"one", "waiting"} {
		if err := w.repo("prod").Remove(t.Context(), name, owner.CatalogID); err != nil {
			t.Fatal(err)
		}
	}
	w.sync(reader, salvor.LocationSync{Gone: 1, Foreign: foreign})
	if _, err := reader.Catalog.GetBackup(t.Context(), waiting.ID()); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("one that was being deleted is gone there, and here: %v", err)
	}
	if err := backup.Delete(t.Context(), reader.Catalog, one.ID(), backup.Remover{Now: func() time.Time { return w.now }}); err != nil {
		t.Errorf("forgetting one that is gone: %v", err)
	}
	if left := w.backups(reader); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

// Whoever puts the other's id into catalog-id goes on in its place.
func TestACatalogTakesThePlaceOfAnother(t *testing.T) {
	w := newWorld(t)
	one, heir := w.backup(w.engine("owner"), "prod", "one"), w.engine("heir")
	w.sync(heir, salvor.LocationSync{Manifests: 1, Imported: 1, Foreign: []string{"prod"}})
	heir.CatalogID = "owner"
	w.sync(heir, salvor.LocationSync{Manifests: 1, Updated: 1})
	w.sync(heir, salvor.LocationSync{Manifests: 1})
	if _, err := backup.RequestDelete(t.Context(), heir.Catalog, one.ID(), w.now, false); err != nil {
		t.Error(err)
	}
}

// What is deleted while the location can't be written to, also when the process dies before it is exported, is deleted
// there by the next sync, and does not come back.
func TestADeletionThatWasNotExportedIsMadeUpFor(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	for _, name := range []string{"stays", "gone"} {
		schedule(t, e, name)
	}
	w.sync(e, salvor.LocationSync{SettingsExported: 2})
	w.now = w.now.Add(time.Hour)
	w.sync(e, salvor.LocationSync{})
	var warned []error
	exporting, open := &rebuild.Exporting{Catalog: e.Catalog, Engine: e, Warn: func(err error) { warned = append(warned, err) }}, e.Open
	e.Open = func(context.Context, *salvor.BackupLocation) (location.Location, error) {
		return nil, errors.New("no route to host")
	}
	w.now = w.now.Add(time.Hour)
	if err := exporting.Delete(t.Context(), salvor.KindBackupSchedule, "gone", ""); err != nil || len(warned) != 1 {
		t.Fatalf("deleted with %v, warned of %v", err, warned)
	}
	if _, err := e.Sync(t.Context(), "disk"); err == nil {
		t.Fatal("a location that is away was synced")
	}
	e.Open = open
	w.sync(e, salvor.LocationSync{SettingsExported: 1})
	w.sync(e, salvor.LocationSync{})
	e = w.lose(e)
	w.sync(e, salvor.LocationSync{SettingsImported: 1})
	if _, err := e.Catalog.Get(t.Context(), salvor.KindBackupSchedule, "gone"); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("it came back: %v", err)
	}
}

// A catalog that was set back to an earlier day gets again what was exported since.
func TestACatalogThatWasSetBackGetsWhatCameLater(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	w.sync(e, salvor.LocationSync{})
	w.now = w.now.Add(time.Hour)
	s := schedule(t, e, "later")
	if err := e.Export(t.Context(), salvor.KindBackupSchedule, s.Name); err != nil {
		t.Fatal(err)
	}
	if err := e.Catalog.Delete(t.Context(), salvor.KindBackupSchedule, s.Name, ""); err != nil {
		t.Fatal(err)
	}
	w.sync(e, salvor.LocationSync{SettingsImported: 1})
}

func schedule(t *testing.T, e *rebuild.Engine, name string) *salvor.BackupSchedule {
	t.Helper()
	s := salvor.New(salvor.KindBackupSchedule).(*salvor.BackupSchedule)
	s.Name, s.Spec.Policy = name, "daily"
	s.Spec.Template.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
	s.Default()
	if errs := s.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := e.Catalog.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Settings are exported as they change, and the last state of each comes back.
func TestSettingsComeBack(t *testing.T) {
	w := newWorld(t)
	e := w.engine("mine")
	exporting := &rebuild.Exporting{Catalog: e.Catalog, Engine: e, Warn: func(err error) { t.Error(err) }}
	rule := func(name, command string) *salvor.Rule {
		r := salvor.New(salvor.KindRule).(*salvor.Rule)
		r.Name = name
		r.Spec.SubRules = []salvor.SubRule{{PodSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "db"}}}, Actions: []salvor.Action{{Command: []string{command}}}}}
		r.Default()
		return r
	}
	freeze, gone := rule("freeze", "sync"), rule("gone", "true")
	for _, o := range []salvor.Object{freeze, gone} {
		if err := exporting.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	freeze.Spec.SubRules[0].Actions[0].Command = []string{"fsfreeze"}
	if err := errors.Join(exporting.Update(t.Context(), freeze), exporting.Delete(t.Context(), salvor.KindRule, "gone", "")); err != nil {
		t.Fatal(err)
	}
	if n := len(w.files()); n != 4 {
		t.Errorf("%d states are stored, want 4: %v", n, w.files())
	}
	w.sync(e, salvor.LocationSync{})
	e = w.lose(e)
	w.sync(e, salvor.LocationSync{SettingsImported: 1})
	back, err := e.Catalog.Get(t.Context(), salvor.KindRule, "freeze")
	if err != nil || !salvor.Same(back.(*salvor.Rule).Spec, freeze.Spec) {
		t.Errorf("came back: %+v, %v", back, err)
	}
	if _, err := e.Catalog.Get(t.Context(), salvor.KindRule, "gone"); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("what was deleted came back: %v", err)
	}
	w.sync(e, salvor.LocationSync{})
}
