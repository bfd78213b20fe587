package expire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

func (w *world) names() (names []string) {
	for _, b := range w.all() {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

func (w *world) wantNames(when string, want ...string) {
	w.t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		w.t.Fatalf("%s: the catalog has %v, want %v", when, got, want)
	}
	var stored []string
	for _, key := range w.keys("prod/backups/") {
		if name, ok := strings.CutSuffix(key, "/manifest.json"); ok {
			stored = append(stored, strings.TrimPrefix(name, "prod/backups/"))
		}
	}
	if !slices.Equal(stored, want) {
		w.t.Fatalf("%s: manifests are there of %v, want %v", when, stored, want)
	}
}

func TestExpireDeletesWhatNoRuleKeeps(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	for range 3 {
		w.good("nightly")
	}
	w.good("single")
	e, _ := w.full()
	w.wantNames("after a pass", "nightly-003", "single-004")
	if len(e.Deleted) != 2 || e.Kept != 2 || !strings.Contains(e.Deleted[0].Reason(), "is not among the newest 1") {
		t.Errorf("it says %+v", e)
	}
	if e, _ = w.full(); len(e.Deleted) > 0 {
		t.Errorf("a second pass deletes %+v", e.Deleted)
	}
}

func TestWhatIsHeldStaysUntilItIsReleased(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	first := w.good("nightly")
	hold := salvor.Hold{By: "ada", Since: metav1.NewTime(w.now().UTC().Truncate(time.Second)), Reason: "audit"}
	if _, err := backup.Hold(t.Context(), w.catalog, first.ID(), hold, w.repo); err != nil {
		t.Fatal(err)
	}
	w.good("nightly")
	w.full()
	w.wantNames("held", "nightly-001", "nightly-002")
	if _, err := backup.RequestDelete(t.Context(), w.catalog, first.ID(), w.now(), true); !salvor.Is(err, salvor.Conflict) || !strings.Contains(err.Error(), "salvor release") {
		t.Errorf("deleting what is held by hand: %v", err)
	}
	m, _, err := w.repo.Manifest(t.Context(), first.Name)
	if err != nil {
		t.Fatal(err)
	}
	folded := func() archive.State {
		events, err := w.repo.Events(t.Context(), first.Name)
		if err != nil {
			t.Fatal(err)
		}
		return archive.Fold(m, events)
	}
	if s := folded(); s.Held == nil || s.Held.By != "ada" || s.Held.Reason != "audit" {
		t.Errorf("the bucket alone does not tell of the hold: %+v", s)
	}
	for range 2 { // releasing twice releases once
		if _, err := backup.Release(t.Context(), w.catalog, first.ID(), "bob", w.now(), w.repo); err != nil {
			t.Fatal(err)
		}
	}
	if s := folded(); s.Held != nil {
		t.Errorf("the bucket alone does not tell of the release: %+v", s)
	}
	w.full()
	w.wantNames("released", "nightly-002")
}

// Somebody removes manifests, and a sync notes it: neither retention nor the look for unused segments takes what would be
// needed if they were brought back, until somebody deletes the backups.
func TestWhatIsGoneMayBeBroughtBack(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	w.set("a", "lost")
	for range 2 {
		w.good("nightly")
	}
	w.set("a", "new")
	w.good("nightly")
	manifests := map[string][]byte{}
	for _, b := range w.all()[1:] {
		key := w.repo.Keys().Manifest(b.Name)
		manifests[key] = w.read(key)
		if err := w.loc.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		_, err := catalog.MutateBackup(t.Context(), w.catalog, b.ID(), func(b *salvor.Backup) error { // as a sync does
			b.Annotate(salvor.ManifestGoneAnnotation, "now")
			b.Status.Phase = salvor.PhaseFailed
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	segments := w.keys("prod/segments/")
	pass := func() (collected error) {
		t.Helper()
		w.wait(72 * time.Hour)
		if _, err := w.pass().Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, collected = w.pass().Collect(t.Context())
		return collected
	}
	for range 3 {
		if err := pass(); !salvor.Is(err, salvor.Corrupt) {
			t.Errorf("the look for unused segments: %v", err)
		}
	}
	if now := w.keys("prod/segments/"); !slices.Equal(now, segments) || len(w.all()) != 3 {
		t.Fatalf("there are %d backups, and of %d segments %d are left", len(w.all()), len(segments), len(now))
	}
	for key, manifest := range manifests {
		if _, err := w.loc.Put(t.Context(), key, location.Bytes(manifest)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range w.all() {
		if v, err := w.repo.Verify(t.Context(), b.Name, b.Status.RootDigest, nil); err != nil || len(v.Problems) > 0 {
			t.Errorf("brought back, %s is %+v, %v", b.Name, v, err)
		}
	}
	for _, name := range []string{"nightly-001", "nightly-002"} {
		if _, err := backup.RequestDelete(t.Context(), w.catalog, salvor.BackupID{ClusterID: "prod", Name: name}, w.now(), false); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := pass(); err != nil {
			t.Error(err)
		}
	}
	w.wantNames("when somebody has deleted them", "nightly-003")
	if now := w.keys("prod/segments/"); len(now) != len(segments)-1 {
		t.Errorf("of %d segments %d are left, want one less", len(segments), len(now))
	}
}

func (w *world) read(key string) []byte {
	w.t.Helper()
	body, _, err := w.loc.Get(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// A hold, and its release, that the API was asked for are known to the catalog alone until a pass has written them down.
func TestWhatTheAPIHoldsAndReleasesIsRecordedByTheNextPass(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	b := w.good("nightly")
	if _, err := backup.Hold(t.Context(), w.catalog, b.ID(), salvor.Hold{By: "ada", Since: metav1.NewTime(w.now())}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // once is enough
		w.full()
	}
	w.wantEvents(b, "Held by ada")
	if now, err := w.catalog.GetBackup(t.Context(), b.ID()); err != nil || now.Status.Hold == nil || !now.Status.Hold.Recorded {
		t.Errorf("the catalog has %+v, %v", now.Status.Hold, err)
	}
	w.wait(time.Minute)
	for range 2 {
		if _, err := backup.Release(t.Context(), w.catalog, b.ID(), "bob", w.now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		w.full()
	}
	w.wantEvents(b, "Held by ada", "Released by bob")
	if now, err := w.catalog.GetBackup(t.Context(), b.ID()); err != nil || now.Status.Hold != nil || now.Status.Release != nil {
		t.Errorf("the catalog has %+v, %v", now.Status, err)
	}
}

// Who releases a backup while a pass writes its hold down has released it.
func TestAReleaseIsNotUndoneByAPassThatRecordsTheHold(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	b := w.good("nightly")
	held, err := backup.Hold(t.Context(), w.catalog, b.ID(), salvor.Hold{By: "ada", Since: metav1.NewTime(w.now())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(time.Minute)
	if _, err := backup.Release(t.Context(), w.catalog, b.ID(), "bob", w.now(), nil); err != nil {
		t.Fatal(err)
	}
	if err := backup.Record(t.Context(), w.catalog, held, w.repo); err != nil { // as the pass had read it
		t.Fatal(err)
	}
	if now, err := w.catalog.GetBackup(t.Context(), b.ID()); err != nil || now.Status.Hold != nil {
		t.Errorf("the catalog has %+v, %v", now.Status.Hold, err)
	}
	w.full()
	w.wantEvents(b, "Held by ada", "Released by bob")
}

func (w *world) wantEvents(b *salvor.Backup, want ...string) {
	w.t.Helper()
	events, err := w.repo.Events(w.t.Context(), b.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, string(e.Type)+" by "+e.By)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the location tells %q, want %q", got, want)
	}
}

func TestVolumeSnapshotsGoBeforeTheManifest(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	first := w.good("nightly")
	w.good("nightly")
	p := w.pass()
	broken := errors.New("the snapshot is in use")
	p.Volumes = func(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error {
		if b.Name != first.Name || m == nil || m.Backup != first.Name || b.Status.Phase != salvor.PhaseDeleting {
			t.Errorf("called for %s, %s, with %+v", b.Name, b.Status.Phase, m)
		}
		if events, err := w.repo.Events(ctx, b.Name); err != nil || archive.Fold(m, events).Expired == nil {
			t.Errorf("that it goes is not recorded before: %+v, %v", events, err)
		}
		return broken
	}
	if _, err := p.Expire(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if b, err := w.catalog.GetBackup(t.Context(), first.ID()); err != nil || b.Status.Phase != salvor.PhaseDeleting {
		t.Errorf("it is %+v, %v", b, err)
	}
	w.wantNames("the snapshot can't be removed", "nightly-001", "nightly-002")
	broken = nil
	if done, err := p.Finish(t.Context()); err != nil || len(done.Deleted) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.wantNames("it can", "nightly-002")
}

// Where the last good backup was lost at the location, an older one is the last.
func TestNothingGoesWhenTheLastGoodBackupIsLost(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	w.good("nightly")
	newest := w.good("nightly")
	if err := w.loc.Delete(t.Context(), w.repo.Keys().Manifest(newest.Name)); err != nil {
		t.Fatal(err)
	}
	if e, err := w.pass().Expire(t.Context()); !salvor.Is(err, salvor.Corrupt) && !strings.Contains(fmt.Sprint(err), "is missing") || len(e.Deleted) > 0 {
		t.Errorf("expiry: %+v, %v", e, err)
	}
	w.wait(100 * time.Hour)
	before := w.keys("prod/segments/")
	for range 3 {
		if _, err := w.pass().Collect(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody has removed it") {
			t.Fatalf("the look for unused segments: %v", err)
		}
		w.wait(30 * time.Hour)
	}
	if after := w.keys("prod/segments/"); !slices.Equal(before, after) {
		t.Errorf("segments were %v, and are %v", before, after)
	}
}

// A location that can't be asked keeps its backups, and those of others go.
func TestALocationThatIsGoneKeepsItsBackups(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	for range 3 {
		w.good("nightly")
	}
	p := w.pass()
	asked := 0
	p.Open = func(context.Context, string, string) (*repository.Repository, error) {
		if asked++; asked == 1 {
			return nil, salvor.Errorf(salvor.NotFound, "there is no such location")
		}
		return w.repo, nil
	}
	e, err := p.Expire(t.Context())
	if err == nil || !strings.Contains(err.Error(), "there is no such location") || len(e.Deleted) != 1 || e.Kept != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	w.full()
	w.wantNames("when it is back", "nightly-003")
}

func TestABackupThatIsRestoredStays(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 1})
	first := w.good("nightly")
	w.good("nightly")
	r := salvor.New(salvor.KindRestore).(*salvor.Restore)
	r.Name, r.Spec.SourceCluster = "undo", "prod"
	r.Status.Phase, r.Status.Sources = salvor.PhaseRestoring, []salvor.RestoreSource{{Backup: first.Name, Location: "disk"}}
	if err := w.catalog.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.full()
	w.wantNames("while it is restored", "nightly-001", "nightly-002")
	r.Status.Phase = salvor.PhaseCompleted
	if err := w.catalog.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.full()
	w.wantNames("then", "nightly-002")
}

// Two catalogs that write to one bucket can't hurt each other: the second may only read.
func TestAnotherCatalogHurtsNothing(t *testing.T) {
	loc := directory(t)
	mine, other := newWorld(t, loc, salvor.Retention{Last: 1}), newWorld(t, loc, salvor.Retention{Last: 1})
	mine.good("nightly")
	b := mine.good("nightly")
	theirs := other.pass()
	theirs.CatalogID = "another"
	// The other catalog has read the bucket, and knows the backups, as a sync records them.
	for _, known := range mine.all() {
		known.ResourceVersion = ""
		known.Annotate(salvor.OwnerAnnotation, catalogID)
		if err := other.catalog.CreateBackup(t.Context(), known); err != nil {
			t.Fatal(err)
		}
	}
	before := mine.keys("")
	if e, err := theirs.Expire(t.Context()); err != nil || len(e.Deleted) > 0 || other.sound("in the other catalog") != 2 {
		t.Errorf("expiring what is another's: %+v, %v", e, err)
	}
	other.wait(100 * time.Hour)
	for range 3 {
		if c, err := theirs.Collect(t.Context()); err != nil || c.Repositories > 0 {
			t.Errorf("looking through what is another's: %+v, %v", c, err)
		}
		other.wait(100 * time.Hour)
	}
	if _, err := backup.Hold(t.Context(), other.catalog, b.ID(), salvor.Hold{Since: metav1.NewTime(other.now())}, nil); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("holding what is another's: %v", err)
	}
	if after := mine.keys(""); !slices.Equal(before, after) {
		t.Errorf("what is stored was changed:\n%v\n%v", before, after)
	}
	mine.sound("beside another catalog")
}

// A backup that takes longer than it may, because the machine slept, does not end well when what it used is gone.
func TestABackupThatSleptIsNotTakenForGood(t *testing.T) {
	for name, at := range map[string]backup.Step{"before it looks": backup.StepCheck, "before it stores the report": backup.StepReport, "before it stores the manifest": backup.StepManifest} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, directory(t), salvor.Retention{Last: 1})
			w.set("a", "old")
			w.good("nightly")
			w.set("a", "new")
			w.good("nightly")
			w.wait(20 * time.Hour)
			e, err := w.pass().Expire(t.Context())
			if err != nil || len(e.Deleted) != 1 {
				t.Fatalf("%+v, %v", e, err)
			}
			w.set("a", "old") // what it uses is unused, and not marked yet
			b, err := w.back("nightly", func(s backup.Step) {
				if s != at {
					return
				}
				for range 3 {
					if _, err := w.pass().Collect(t.Context()); err != nil {
						t.Error(err)
					}
					w.wait(25 * time.Hour)
				}
			})
			if err == nil || b.Status.Phase != salvor.PhaseFailed || !strings.Contains(err.Error(), "run the backup again") {
				t.Errorf("it ended %+v, %v", b.Status, err)
			}
			if m, _, err := w.repo.Manifest(t.Context(), b.Name); err == nil {
				events, err := w.repo.Events(t.Context(), b.Name)
				if err != nil || archive.Fold(m, events).Expired == nil {
					t.Errorf("its manifest is there, and the bucket alone takes it for good: %+v, %v", events, err)
				}
			}
			w.sound("after a backup that slept")
			if n := w.good("nightly"); n.Status.Progress.SegmentsUploaded != 1 {
				t.Errorf("the next one: %+v", n.Status)
			}
			w.sound("after the next")
		})
	}
}

// What was marked while a backup ran can be relied on for half of the time until it goes, and no longer.
func TestWhatIsMarkedMeanwhileIsReliedOnForAWhile(t *testing.T) {
	for later, good := range map[time.Duration]bool{11 * time.Hour: true, 13 * time.Hour: false} {
		w := newWorld(t, directory(t), salvor.Retention{Last: 1})
		w.set("a", "old")
		w.good("nightly")
		w.set("a", "new")
		w.good("nightly")
		w.wait(20 * time.Hour)
		if _, err := w.pass().Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.set("a", "old")
		b, err := w.back("nightly", func(s backup.Step) {
			if s != backup.StepCheck {
				return
			}
			if c, err := w.pass().Collect(t.Context()); err != nil || c.Marked != 1 {
				t.Errorf("%+v, %v", c, err)
			}
			w.wait(later)
		})
		if good != (err == nil) || good != (b.Status.Phase == salvor.PhaseCompleted) {
			t.Errorf("%s after the mark it ended %s, %v", later, b.Status.Phase, err)
		}
		w.wait(30 * time.Hour)
		if _, c := w.full(); good != (c.Removed == 0) {
			t.Errorf("%s after the mark: %+v", later, c)
		}
		w.sound(later.String())
	}
}

// Everything at once: backups, passes and deletions by hand run side by side in real time.
func TestPassesBesideBackups(t *testing.T) {
	w := newWorld(t, directory(t), salvor.Retention{Last: 2})
	w.good("nightly")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 12 {
			w.mu.Lock()
			w.ahead += 5 * time.Hour
			w.mu.Unlock()
			p := w.pass()
			_, err1 := p.Expire(t.Context())
			_, err2 := p.Collect(t.Context())
			if err := errors.Join(err1, err2); err != nil {
				t.Error(err)
			}
		}
	}()
	for n := 0; ; n++ {
		select {
		case <-done:
			w.sound("at the end")
			return
		default:
		}
		w.set("a", fmt.Sprint(n%3))
		if b, err := w.back([]string{"nightly", "single"}[n%2], nil); err != nil && b.Status.Phase == salvor.PhaseCompleted {
			t.Errorf("%+v, %v", b, err)
		}
	}
}
