package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// fakeSnapshots are the snapshots of a cluster: each look sees the states given, by claim.
type fakeSnapshots struct {
	states   map[string]archive.VolumeState
	note     string
	away     error
	stays    error
	looks    int
	released []archive.Volume
}

func (f *fakeSnapshots) Look(_ context.Context, _ salvor.BackupID, volumes []archive.Volume) (volume.Sight, error) {
	f.looks++
	if f.away != nil {
		return volume.Sight{}, f.away
	}
	sight := volume.Sight{Volumes: slices.Clone(volumes), Notes: map[string]string{}}
	for i := range sight.Volumes {
		v := &sight.Volumes[i]
		if state := f.states[v.Claim]; state != "" {
			v.State = state
		}
		switch v.State {
		case archive.VolumeCut:
			sight.Notes[v.Namespace+"/"+v.Claim] = f.note
		case archive.VolumeFailed:
			v.Reason = "its snapshot was deleted"
		}
	}
	return sight, nil
}

func (f *fakeSnapshots) Release(_ context.Context, _ salvor.BackupID, volumes []archive.Volume) error {
	f.released = volumes
	return f.stays
}

// settlingBackup is one whose claims one and two of namespace a are cut and not ready.
func settlingBackup(t *testing.T) (*bench, *salvor.Backup, *fakeSnapshots, *backup.Settler) {
	t.Helper()
	b, _, v := withVolumes(t)
	v.state = archive.VolumeCut
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeSnapshots{states: map[string]archive.VolumeState{}}
	s := &backup.Settler{Catalog: b.catalog, Store: b.Store, Now: time.Now, By: "me",
		Open: func(context.Context, *salvor.Backup) (backup.Snapshots, error) { return f, nil }}
	return b, done, f, s
}

func (b *bench) settled(t *testing.T) []archive.Event {
	t.Helper()
	events, err := b.repo.Events(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// wantRebuilt wants a catalog that is made anew out of the location to have of the backup what this one has.
func (b *bench) wantRebuilt(t *testing.T, has *salvor.Backup) {
	t.Helper()
	m, root, err := b.repo.Manifest(t.Context(), has.Name)
	if err != nil {
		t.Fatal(err)
	}
	again := rebuild.Entry(m, root, b.settled(t))
	again.Status.Lease, again.Status.CancelRequested = has.Status.Lease, has.Status.CancelRequested // what a catalog alone knows
	want, _ := json.MarshalIndent(has.Status, "", " ")
	got, _ := json.MarshalIndent(again.Status, "", " ")
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s, made anew (-before +after):\n%s", has.Status.Phase, diff)
	}
}

func TestSettling(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(*fakeSnapshots, *backup.Settler)
		cancel  bool
		phase   salvor.Phase
		counts  salvor.VolumeCounts
		says    string
	}{
		"one of two is ready": {arrange: func(f *fakeSnapshots, _ *backup.Settler) {
			f.states["one"], f.note = archive.VolumeReady, "rpc error: throttled"
		}, phase: salvor.PhaseSettling, counts: salvor.VolumeCounts{Total: 2, Cut: 2, Ready: 1, Bytes: 2 << 30},
			says: "1 of 2 snapshots ready; waiting for a/two; of a/two: rpc error: throttled"},
		"the cluster is away": {arrange: func(f *fakeSnapshots, _ *backup.Settler) { f.away = errors.New("no route to host") },
			phase: salvor.PhaseSettling, counts: salvor.VolumeCounts{Total: 2, Cut: 2, Bytes: 2 << 30}, says: "no route to host"},
		"all are ready": {arrange: func(f *fakeSnapshots, _ *backup.Settler) {
			f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeReady
		}, phase: salvor.PhaseCompleted, counts: salvor.VolumeCounts{Total: 2, Cut: 2, Ready: 2, Bytes: 2 << 30}},
		"all are ready, and somebody asked to cancel": {arrange: func(f *fakeSnapshots, _ *backup.Settler) {
			f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeReady
		}, cancel: true, phase: salvor.PhaseCompleted, counts: salvor.VolumeCounts{Total: 2, Cut: 2, Ready: 2, Bytes: 2 << 30}},
		"one is gone": {arrange: func(f *fakeSnapshots, _ *backup.Settler) {
			f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeFailed
		}, phase: salvor.PhasePartiallyFailed, counts: salvor.VolumeCounts{Total: 2, Cut: 1, Ready: 1, Failed: 1, Bytes: 1 << 30}, says: "was deleted"},
		"time is up": {arrange: func(f *fakeSnapshots, s *backup.Settler) {
			f.note = "rpc error: code = Internal desc = disk on fire"
			s.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		}, phase: salvor.PhasePartiallyFailed, counts: salvor.VolumeCounts{Total: 2, Failed: 2}, says: "disk on fire"},
		"time is up while the cluster is away": {arrange: func(f *fakeSnapshots, s *backup.Settler) {
			f.away = errors.New("no route to host")
			s.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		}, phase: salvor.PhasePartiallyFailed, counts: salvor.VolumeCounts{Total: 2, Failed: 2}, says: "no route to host"},
		"somebody asked to cancel": {arrange: func(f *fakeSnapshots, _ *backup.Settler) { f.states["one"] = archive.VolumeReady },
			cancel: true, phase: salvor.PhaseCanceled, counts: salvor.VolumeCounts{Total: 2, Cut: 1, Ready: 1, Failed: 1, Bytes: 1 << 30}, says: "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			b, begun, f, s := settlingBackup(t)
			b.wantRebuilt(t, begun)
			if tt.cancel {
				asked, err := backup.RequestCancel(t.Context(), b.catalog, begun.ID())
				if err != nil || asked.Status.Phase != salvor.PhaseSettling {
					t.Fatalf("asked to cancel, it is %+v, %v", asked, err)
				}
			}
			tt.arrange(f, s)
			got, err := s.Settle(t.Context(), begun.ID())
			if err != nil || got.Status.Phase != tt.phase || got.Status.Volumes != tt.counts {
				t.Fatalf("it is %+v, %v", got, err)
			}
			text := got.Status.Message
			for _, failure := range got.Status.Failures {
				text += failure.Reason
			}
			if !strings.Contains(text, tt.says) {
				t.Errorf("it says %q", text)
			}
			events := b.settled(t)
			if tt.phase == salvor.PhaseSettling {
				if len(events) != 0 || f.released != nil || got.Status.LookedAt.IsZero() {
					t.Errorf("while it settles there are %d events, %v is released, %+v", len(events), f.released, got.Status)
				}
				return
			}
			b.wantRebuilt(t, got)
			if len(events) != 1 || events[0].Phase != tt.phase || len(events[0].Volumes) != 2 || len(f.released) != 2 {
				t.Errorf("events %+v, released %v", events, f.released)
			}
			if !got.Status.SettleBy.IsZero() || got.Status.CompletedAt.IsZero() {
				t.Errorf("it ends with %+v", got.Status)
			}
			m, _ := b.states(t, "b")
			if state := archive.Fold(m, events); state.Phase != tt.phase || archive.Count(state.Volumes) != tt.counts {
				t.Errorf("the location says %+v", state)
			}
			for _, v := range events[0].Volumes {
				if v.Snapshot == nil || v.Snapshot.Handle == "" {
					t.Errorf("of claim %s it is not known any more which snapshot to delete with the backup", v.Claim)
				}
			}
			worth := salvor.ApplicationConsistent
			if tt.counts.Ready == 0 {
				worth = salvor.ObjectsOnly
			}
			if got.Status.DataConsistency != worth {
				t.Errorf("its data is said to be %s, with %+v", got.Status.DataConsistency, tt.counts)
			}
			if again, err := s.Settle(t.Context(), begun.ID()); err != nil || again.Status.Phase != tt.phase || f.looks != 1 {
				t.Errorf("once more: %+v, %v, %d looks", again, err, f.looks)
			}
		})
	}
}

// Killed at any step, whoever looks next ends it, with one event, and as the first one saw it.
func TestSettlingKilledAtEachStep(t *testing.T) {
	for _, step := range backup.SettleSteps() {
		t.Run(string(step), func(t *testing.T) {
			b, begun, f, s := settlingBackup(t)
			f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeFailed
			ctx, kill := context.WithCancel(t.Context())
			killed := *s
			killed.OnStep = func(at backup.Step) {
				if at == step {
					kill()
				}
			}
			killed.Store = func(context.Context, *salvor.Backup) (*repository.Repository, error) { return b.repo, nil }
			if got, err := killed.Settle(ctx, begun.ID()); err == nil {
				t.Fatalf("killed, it returns %+v", got.Status)
			}
			before := b.settled(t)
			if len(before) > 0 {
				f.states["two"] = archive.VolumeReady // what is stored counts, not what a later look sees
			}
			got, err := s.Settle(t.Context(), begun.ID())
			if err != nil || got.Status.Phase != salvor.PhasePartiallyFailed && len(before) > 0 || !got.Status.Phase.Done() {
				t.Fatalf("the next one ends with %+v, %v", got, err)
			}
			if events := b.settled(t); len(events) != 1 || len(f.released) != 2 {
				t.Errorf("events %+v, released %d", events, len(f.released))
			}
		})
	}
}

// Two look at the same time and see different things: both end with what was stored first.
func TestTwoSettleAsOne(t *testing.T) {
	b, begun, f, s := settlingBackup(t)
	f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeReady
	other, slow := *s, *s
	slow.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	blind := &fakeSnapshots{}
	slow.Open = func(context.Context, *salvor.Backup) (backup.Snapshots, error) { return blind, nil }
	slow.OnStep = func(at backup.Step) {
		if at == backup.StepSettled {
			if _, err := other.Settle(t.Context(), begun.ID()); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := slow.Settle(t.Context(), begun.ID())
	if err != nil || got.Status.Phase != salvor.PhaseCompleted || len(b.settled(t)) != 1 {
		t.Errorf("it is %+v, %v, %d events", got, err, len(b.settled(t)))
	}
}

// What can't be removed from the cluster is no reason to keep a backup from its end, but is said.
func TestWhatStaysInTheClusterIsSaid(t *testing.T) {
	_, begun, f, s := settlingBackup(t)
	f.states["one"], f.states["two"] = archive.VolumeReady, archive.VolumeReady
	f.stays = errors.New("the controller does not run")
	got, err := s.Settle(t.Context(), begun.ID())
	if err != nil || got.Status.Phase != salvor.PhaseCompleted || len(got.Status.Warnings) == 0 ||
		!strings.Contains(got.Status.Warnings[len(got.Status.Warnings)-1], "the controller does not run") {
		t.Errorf("it is %+v, %v", got, err)
	}
}

func TestLooksGrowApart(t *testing.T) {
	_, begun, _, _ := settlingBackup(t)
	cut := begun.Status.CutAt.Time
	begun.Status.SettleBy.Time = cut.Add(7 * 24 * time.Hour)
	if at := backup.NextLook(begun); !at.Equal(cut) {
		t.Errorf("never looked at, it is due at %s", at)
	}
	looks := 0
	for at := cut; at.Before(begun.Status.SettleBy.Time); at = backup.NextLook(begun) {
		wait := at.Sub(begun.Status.LookedAt.Time)
		begun.Status.LookedAt.Time = at
		if looks++; looks > 1 && (wait < 5*time.Second || wait > 15*time.Minute) {
			t.Fatalf("look %d is %s after the one before", looks, wait)
		}
	}
	// A state machine's history holds 25,000 events, of which each look takes up to a dozen.
	if looks*12 > 20000 {
		t.Errorf("%d looks in seven days", looks)
	}
	last := begun.Status.LookedAt.Time
	if backup.Forgotten(begun, last.Add(20*time.Minute)) || !backup.Forgotten(begun, last.Add(2*time.Hour)) {
		t.Error("whether somebody still looks is told wrongly")
	}
}

// Deleting removes the snapshots first: without them the manifest stays, so that it can be done again.
func TestDeletingRemovesSnapshots(t *testing.T) {
	b, begun, _, s := settlingBackup(t)
	var removed []string
	away := errors.New("no route to host")
	r := backup.Remover{Open: b.Store, CatalogID: "cat", Now: time.Now,
		Volumes: func(_ context.Context, _ *salvor.Backup, m *archive.Manifest) error {
			for _, v := range m.Volumes {
				removed = append(removed, v.Snapshot.Handle)
			}
			return away
		}}
	if err := backup.Delete(t.Context(), b.catalog, begun.ID(), r); !errors.Is(err, away) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := b.repo.Manifest(t.Context(), "b"); err != nil {
		t.Errorf("the manifest is gone, and the snapshots are not: %v", err)
	}
	if got, err := s.Settle(t.Context(), begun.ID()); !salvor.Is(err, salvor.Conflict) || got.Status.Phase != salvor.PhaseDeleting {
		t.Errorf("what is being deleted settles: %+v, %v", got, err)
	}
	if err := backup.RequestKeep(t.Context(), b.catalog, begun.ID()); err != nil {
		t.Fatal(err)
	}
	if err := backup.Delete(t.Context(), b.catalog, begun.ID(), r); err != nil {
		t.Fatal(err)
	}
	if want := []string{"snap-one-1", "snap-two-1"}; !slices.Equal(removed, want) {
		t.Errorf("removed %v", removed)
	}
	if _, err := b.catalog.GetBackup(t.Context(), begun.ID()); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

// Snapshots whose handles nobody knows any more do not stay behind in silence.
func TestADamagedManifestIsNotDeletedWithoutItsSnapshots(t *testing.T) {
	b, begun, _, _ := settlingBackup(t)
	damage(t, b.loc, b.repo.Keys().Manifest("b"), half)
	r := backup.Remover{Open: b.Store, CatalogID: "cat", Now: time.Now,
		Volumes: func(context.Context, *salvor.Backup, *archive.Manifest) error { return nil }}
	if err := backup.Delete(t.Context(), b.catalog, begun.ID(), r); !salvor.Is(err, salvor.Corrupt) || !strings.Contains(err.Error(), "--keep-snapshots") {
		t.Errorf("got %v", err)
	}
	if err := backup.RequestKeep(t.Context(), b.catalog, begun.ID()); err != nil {
		t.Fatal(err)
	}
	if err := backup.Delete(t.Context(), b.catalog, begun.ID(), r); err != nil {
		t.Error(err)
	}
}

// What can't be read is waited for as long as anything else, and no longer.
func TestSettlingEndsWithoutManifest(t *testing.T) {
	b, begun, _, s := settlingBackup(t)
	damage(t, b.loc, b.repo.Keys().Manifest("b"), half)
	if _, err := s.Settle(t.Context(), begun.ID()); !salvor.Is(err, salvor.Corrupt) {
		t.Errorf("got %v", err)
	}
	s.Now = func() time.Time { return begun.Status.SettleBy.Add(time.Second) }
	if got, err := s.Settle(t.Context(), begun.ID()); err != nil || got.Status.Phase != salvor.PhaseFailed || !strings.Contains(got.Status.Message, "manifest") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestABackupThatIsRestoredIsNotDeleted(t *testing.T) {
	b, begun, _, _ := settlingBackup(t)
	r := salvor.New(salvor.KindRestore).(*salvor.Restore)
	r.Name, r.Spec.SourceCluster = "undo", begun.Status.ClusterID
	r.Status.Phase, r.Status.Sources = salvor.PhaseRestoring, []salvor.RestoreSource{{Backup: begun.Name}}
	if err := b.catalog.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.RequestDelete(t.Context(), b.catalog, begun.ID(), time.Now(), false); !salvor.Is(err, salvor.Conflict) || !strings.Contains(err.Error(), "undo") {
		t.Errorf("while it is restored: %v", err)
	}
	r.Status.Phase = salvor.PhaseCompleted
	if err := b.catalog.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.RequestDelete(t.Context(), b.catalog, begun.ID(), time.Now(), false); err != nil {
		t.Errorf("then: %v", err)
	}
}

// A worker that died while it cut has stored no manifest: what it cut goes with the backup all the same. What has cut nothing, or
// has removed it, needs no cluster to be deleted.
func TestDeletingRemovesWhatADeadWorkerCut(t *testing.T) {
	remove := func(t *testing.T, b *bench, id salvor.BackupID, v backup.Removal, away error) error {
		return backup.Delete(t.Context(), b.catalog, id, backup.Remover{Open: b.Store, CatalogID: "cat", Now: time.Now,
			Volumes: backup.RemoveVolumes(func(context.Context, *salvor.Backup) (backup.Removal, error) { return v, away })})
	}
	away := errors.New("no route to host")
	t.Run("it died", func(t *testing.T) {
		b, _, v := withVolumes(t)
		begun, _, err := b.Begin(t.Context(), bare("b", "a"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.runUntil(t, begun.ID(), func(end func()) {
			v.cutting = func(ctx context.Context) error { end(); return context.Cause(ctx) }
		})
		if !salvor.Is(err, salvor.Suspended) {
			t.Fatalf("got %v", err)
		}
		v.log = nil
		if err := remove(t, b, begun.ID(), v, away); !errors.Is(err, away) {
			t.Errorf("without the cluster it is deleted: %v", err)
		}
		if err := remove(t, b, begun.ID(), v, nil); err != nil || len(v.log) != 1 || !strings.HasPrefix(v.log[0], "discard up to ") {
			t.Errorf("got %v, and %q", err, v.log)
		}
	})
	for name, spoil := range map[string]func(*bench){
		"it failed before the cut": func(b *bench) { b.rules.fail["pre-exec"] = errors.New("no") },
		"it failed after it":       func(b *bench) { b.rules.lost = errors.New("the lock is gone") },
	} {
		t.Run(name, func(t *testing.T) {
			b, _, v := withVolumes(t)
			spoil(b)
			done, err := b.make(t, quiesced("b", "a"))
			if err == nil {
				t.Fatalf("it is %s", done.Status.Phase)
			}
			if err := remove(t, b, done.ID(), v, away); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSnapshotsReadyAtOnceLeaveNothingBehind(t *testing.T) {
	b, _, v := withVolumes(t)
	if done, err := b.make(t, bare("b", "a")); err != nil || done.Status.Phase != salvor.PhaseCompleted || v.released != 2 {
		t.Errorf("it is %+v, %v; released %d", done, err, v.released)
	}
}

// fakeLeftovers are what is in a cluster.
type fakeLeftovers struct {
	found   []volume.Leftover
	cleared map[string]bool
}

func (f *fakeLeftovers) Leftovers(context.Context) ([]volume.Leftover, error) { return f.found, nil }

func (f *fakeLeftovers) Clear(_ context.Context, l volume.Leftover, keep bool) error {
	f.cleared[l.Handle] = keep
	return nil
}

func TestOrphans(t *testing.T) {
	b, settles, snapshots, s := settlingBackup(t)
	id := func(name string) salvor.BackupID { return salvor.BackupID{ClusterID: "prod", Name: name} }
	f := &fakeLeftovers{cleared: map[string]bool{}, found: []volume.Leftover{
		{Backup: id("b"), Handle: "snap-one-1"}, {Backup: id("b"), Handle: "snap-stray"},
		{Backup: id("b"), Group: true, Handle: "group-1"}, {Backup: id("b"), Group: true, Handle: "group-2"}, {Backup: id("b"), Group: true, Members: []string{"snap-two-1"}}, {Backup: id("gone"), Handle: "snap-gone"}}}
	o := &backup.Orphanage{Catalog: b.catalog, Volumes: f,
		Repository: func(context.Context, string, string) (*repository.Repository, error) { return b.repo, nil }}
	handles := func() (all []string) {
		found, err := o.Orphans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, orphan := range found {
			kept := " lost"
			if orphan.Kept {
				kept = " kept"
			}
			all = append(all, orphan.Handle+kept)
			if err := o.Remove(t.Context(), orphan); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	if got := handles(); !slices.Equal(got, []string{"snap-gone lost"}) {
		t.Errorf("while it settles: %v", got)
	}
	snapshots.states["one"], snapshots.states["two"] = archive.VolumeReady, archive.VolumeReady
	if _, err := s.Settle(t.Context(), settles.ID()); err != nil {
		t.Fatal(err)
	}
	if got := handles(); !slices.Equal(got, []string{"snap-one-1 kept", "snap-stray lost", "group-1 kept", "group-2 lost", " kept", "snap-gone lost"}) || !f.cleared["snap-one-1"] || f.cleared["snap-stray"] {
		t.Errorf("when it has settled: %v; cleared %v", got, f.cleared)
	}
	// The catalog was lost, and the location was not: its manifest still refers to the snapshot.
	if err := b.catalog.DeleteBackup(t.Context(), settles.ID(), ""); err != nil {
		t.Fatal(err)
	}
	if got := handles(); !slices.Equal(got, []string{"snap-one-1 kept", "snap-stray lost", "group-1 kept", "group-2 lost", " kept", "snap-gone lost"}) {
		t.Errorf("when the catalog is lost: %v", got)
	}
	o.Repository = func(context.Context, string, string) (*repository.Repository, error) {
		return nil, errors.New("no such bucket")
	}
	if found, err := o.Orphans(t.Context()); err == nil || len(found) != 0 {
		t.Errorf("when the location can't be read, %v are orphans, %v", found, err)
	}
}
