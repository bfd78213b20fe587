package volumes_test

import (
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// A driver that has group snapshots cuts the volumes of an application as one. The group is kept, released, removed and
// discarded as single snapshots are, and no claim is labelled for it.
func TestVolumesAreCutAsOneGroup(t *testing.T) {
	t.Parallel()
	w := newGroupWorld(t)
	a := w.application(t, volumeOf{name: "one"}, volumeOf{name: "two"}, volumeOf{name: "three"})
	e := &volume.Engine{Cluster: w.client, Now: time.Now, CatalogID: "groups"}
	id := salvor.BackupID{ClusterID: "here", Name: a.namespace}
	planned, err := e.Plan(t.Context(), a.claims(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := e.Groups(t.Context(), planned)
	if err != nil || len(groups) != 1 || len(groups[0].Claims) != 3 {
		t.Fatalf("groups %+v, %v", groups, err)
	}
	cut := func(epoch int64) []archive.Volume {
		t.Helper()
		done, _, err := e.Cut(t.Context(), volume.CutRequest{Backup: id, Epoch: epoch, Volumes: planned, Groups: groups})
		if err != nil || archive.Count(done).Cut != 3 {
			t.Fatalf("cut %+v, %v", done, err)
		}
		for _, v := range done {
			if v.Snapshot.GroupHandle == "" || v.Snapshot.GroupHandle != done[0].Snapshot.GroupHandle || v.Snapshot.Class != "ebs-group" {
				t.Errorf("%s: %+v", v.Claim, v.Snapshot)
			}
		}
		return done
	}

	gone := func() {
		t.Helper()
		w.nothingLeft(t, a.namespace)
		if kept := a.kept(t); len(kept) > 0 {
			t.Errorf("the driver still has %q", kept)
		}
	}
	epoch := int64(0)
	for what, spoil := range map[string]func([]archive.Volume){
		"as they are": func([]archive.Volume) {},
		"whose VolumeGroupSnapshot somebody has deleted": func(v []archive.Volume) { a.deleteHeads(t, v) },
	} {
		t.Log(what)
		epoch++
		spoil(cut(epoch))
		if err := e.Discard(t.Context(), id, epoch, nil); err != nil {
			t.Fatal(err)
		}
		gone()

		epoch++
		kept := cut(epoch)
		spoil(kept)
		if err := e.Discard(t.Context(), id, epoch, kept); err != nil {
			t.Fatal(err)
		}
		if err := e.Release(t.Context(), id, kept); err != nil {
			t.Error(err)
		}
		w.nothingLeft(t, a.namespace)
		if n := len(a.kept(t)); n != 3 {
			t.Errorf("the driver has %d snapshots after their release, want 3", n)
		}
		if err := e.Remove(t.Context(), id, kept); err != nil {
			t.Error(err)
		}
		gone()
	}
}
