package backup_test

import (
	"slices"
	"testing"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// What was cut for a backup that ends while nobody works on it is removed, unless a manifest refers to it.
func TestWhatNobodyGoesOnWithIsRemoved(t *testing.T) {
	dies := func(at string) func(t *testing.T, b *bench, f *fakeCluster) salvor.BackupID {
		return func(t *testing.T, b *bench, _ *fakeCluster) salvor.BackupID { return b.die(t, quiesced("b", "*"), at) }
	}
	giveUp := func(b *bench, id salvor.BackupID) (*salvor.Backup, error) {
		b.later(5 * time.Hour)
		return backup.GiveUp(t.Context(), b.catalog, id, 1, b.Now(), "not done in time")
	}
	cancel := func(b *bench, id salvor.BackupID) (*salvor.Backup, error) {
		return backup.RequestCancel(t.Context(), b.catalog, id)
	}
	for name, tt := range map[string]struct {
		until func(*testing.T, *bench, *fakeCluster) salvor.BackupID
		end   func(*bench, salvor.BackupID) (*salvor.Backup, error)
		phase salvor.Phase
		want  []string
	}{
		"suspended, and canceled": {until: func(t *testing.T, b *bench, f *fakeCluster) salvor.BackupID {
			begun, _, err := b.Begin(t.Context(), quiesced("b", "*"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.runUntil(t, begun.ID(), func(end func()) { suspendAfterNamespaced(f, end) }); !salvor.Is(err, salvor.Suspended) {
				t.Fatal(err)
			}
			return begun.ID()
		}, end: cancel, phase: salvor.PhaseCanceled, want: []string{"discard up to 1 but "}},
		"dead, and given up":                              {until: dies("step capture"), end: giveUp, phase: salvor.PhaseFailed, want: []string{"discard up to 1 but "}},
		"dead when its manifest was stored, and given up": {until: dies("step catalog"), end: giveUp, phase: salvor.PhaseFailed},
		"dead while it held the application, canceled, and thawed": {until: dies("post-exec"), end: func(b *bench, id salvor.BackupID) (*salvor.Backup, error) {
			if b, err := cancel(b, id); err != nil || b.Status.Phase.Done() {
				return b, err
			}
			b.later(time.Hour)
			return b.PayThaw(t.Context(), id)
		}, phase: salvor.PhaseCanceled, want: []string{"discard up to 2 but "}},
		"nobody has begun it, and canceled": {until: func(t *testing.T, b *bench, _ *fakeCluster) salvor.BackupID {
			begun, _, err := b.Begin(t.Context(), quiesced("b", "*"))
			if err != nil {
				t.Fatal(err)
			}
			return begun.ID()
		}, end: cancel, phase: salvor.PhaseCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			b, f, v := withVolumes(t)
			id := tt.until(t, b, f)
			v.log = nil
			ended, err := tt.end(b, id)
			if err != nil || ended.Status.Phase != tt.phase {
				t.Fatalf("it is %+v, %v", ended, err)
			}
			if len(v.log) == 0 { // whoever pays a thaw does it
				err = b.Tidy(t.Context(), ended)
			}
			if err != nil || !slices.Equal(v.log, tt.want) {
				t.Errorf("done was %q, want %q, %v", v.log, tt.want, err)
			}
		})
	}
}
