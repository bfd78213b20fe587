package volumes_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
	"salvor.io/salvor/tests/testenv"
)

// newGroupWorld is newWorld on the cluster whose driver has group snapshots.
func newGroupWorld(t *testing.T) *world {
	t.Helper()
	return newHome(t, testenv.Kube(t, testenv.KubeOptions{Name: "groups", Node: true, Snapshots: true, GroupSnapshots: true}))
}

func TestOrphansAreDeleted(t *testing.T) {
	t.Parallel()
	removesOrphans(t, newWorld(t).application(t, volumeOf{name: "a"}))
}

func TestOrphansOfGroupsAreDeleted(t *testing.T) {
	t.Parallel()
	removesOrphans(t, newGroupWorld(t).application(t, volumeOf{name: "a"}, volumeOf{name: "b"}))
}

// removesOrphans leaves all that can be left of backups in the cluster, and has it removed: from the cluster, and from the
// driver, but for the snapshots that a manifest refers to, and for what another catalog made.
func removesOrphans(t *testing.T, a *application) {
	b := a.backUp(t, "kept")
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	id, err := os.ReadFile(filepath.Join(a.home, "catalog-id"))
	if err != nil {
		t.Fatal(err)
	}
	mine := &volume.Engine{Cluster: a.client, Now: time.Now, CatalogID: strings.TrimSpace(string(id))}
	other := &volume.Engine{Cluster: a.client, Now: time.Now, CatalogID: "another"}
	of := func(name string) salvor.BackupID { return salvor.BackupID{ClusterID: b.Status.ClusterID, Name: name} }

	a.cutBy(t, mine, of("dead"))
	headless := a.cutBy(t, mine, of("headless")) // somebody deleted the objects in the namespace
	a.deleteHeads(t, headless)
	bodiless := a.cutBy(t, mine, of("bodiless")) // and of a group its content, too
	a.deleteHeads(t, bodiless)
	a.deleteGroupContents(t, bodiless)
	asked := a.cutBy(t, mine, of("asked")) // whose driver was asked for its snapshots by their handles
	if err := mine.Release(t.Context(), of("asked"), asked); err != nil {
		t.Fatal(err)
	}
	look(t, mine, of("asked"), asked)
	_, state := a.stored(t, "kept")
	look(t, mine, of("kept"), state.Volumes)
	others := a.cutBy(t, other, of("kept"))

	found := a.orphans(t)
	lost, kept := map[string]bool{}, 0
	for _, o := range found {
		if o.Kept {
			kept++
		} else {
			lost[o.Backup.Name] = true
		}
		if (o.Backup.Name == "kept") != o.Kept {
			t.Errorf("of backup %s, kept: %t: %+v", o.Backup, o.Kept, o)
		}
	}
	if kept == 0 || len(lost) != 4 {
		t.Errorf("found %d of the backup, and those of %v: %+v", kept, lost, found)
	}
	a.salvor(t, "volumes", "orphans", "--delete", "--yes")
	if found := a.orphans(t); len(found) > 0 {
		t.Errorf("still found: %+v", found)
	}
	want := a.handles(t, "kept")
	for _, v := range others {
		want = append(want, v.Snapshot.Handle)
	}
	slices.Sort(want)
	if got := a.kept(t); !slices.Equal(got, want) {
		t.Errorf("the driver has %q, want %q: those of the backup, and of another catalog", got, want)
	}
	if err := other.Discard(t.Context(), of("kept"), 1, nil); err != nil {
		t.Fatal(err)
	}
	a.nothingLeft(t, a.namespace)
	a.salvor(t, "delete", "backup", "kept", "--yes")
	if got := a.kept(t); len(got) > 0 {
		t.Errorf("the driver still has %q", got)
	}
}

// cutBy cuts the application's volumes for a backup, as one group where the driver has that.
func (a *application) cutBy(t *testing.T, e *volume.Engine, id salvor.BackupID) []archive.Volume {
	t.Helper()
	planned, err := e.Plan(t.Context(), a.claims(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := e.Groups(t.Context(), planned)
	if err != nil {
		t.Fatal(err)
	}
	cut, _, err := e.Cut(t.Context(), volume.CutRequest{Backup: id, Epoch: 1, Volumes: planned, Groups: groups})
	if err != nil || archive.Count(cut).Cut != len(a.volumes) {
		t.Fatalf("cut %+v, %v", cut, err)
	}
	return cut
}

// look has the driver asked for each snapshot, by its handle, until it has said what it knows.
func look(t *testing.T, e *volume.Engine, id salvor.BackupID, volumes []archive.Volume) {
	t.Helper()
	waiting := slices.Clone(volumes)
	for i := range waiting {
		waiting[i].State = archive.VolumeCut
	}
	eventually(t, time.Minute, "the driver has answered", func() bool {
		s, err := e.Look(t.Context(), id, waiting)
		return err == nil && len(s.Waiting()) == 0
	})
}

// deleteHeads deletes the VolumeSnapshots of the volumes, or the VolumeGroupSnapshot that they are members of.
func (a *application) deleteHeads(t *testing.T, volumes []archive.Volume) {
	t.Helper()
	for _, v := range volumes {
		if v.Snapshot.GroupHandle == "" {
			a.Kubectl(t, "delete", "volumesnapshot", "-n", a.namespace, v.Snapshot.Object)
			continue
		}
		var s struct {
			Status struct{ VolumeGroupSnapshotName string }
		}
		if err := a.get(snapshotKind, a.namespace, v.Snapshot.Object, &s); err != nil {
			t.Fatal(err)
		}
		a.Kubectl(t, "delete", "volumegroupsnapshot", "-n", a.namespace, s.Status.VolumeGroupSnapshotName)
		eventually(t, time.Minute, "the members are gone", func() bool {
			return a.get(snapshotKind, a.namespace, v.Snapshot.Object, &s) != nil
		})
		return
	}
}

// deleteGroupContents deletes the VolumeGroupSnapshotContent of the group that the volumes were cut in; its snapshots stay.
func (a *application) deleteGroupContents(t *testing.T, volumes []archive.Volume) {
	t.Helper()
	_, err := a.client.List(t.Context(), cluster.ListRequest{Resource: groupContentKind}, func(i cluster.Item) error {
		var c struct {
			Status struct{ VolumeGroupSnapshotHandle string }
		}
		if err := json.Unmarshal(i.Raw, &c); err != nil {
			return err
		}
		if h := volumes[0].Snapshot.GroupHandle; h != "" && h == c.Status.VolumeGroupSnapshotHandle {
			a.Kubectl(t, "delete", "volumegroupsnapshotcontent", i.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// orphans are those that salvor finds in the cluster, of this catalog.
func (w *world) orphans(t *testing.T) []backup.Orphan {
	t.Helper()
	var found struct{ Items []backup.Orphan }
	if err := json.Unmarshal([]byte(w.salvor(t, "volumes", "orphans", "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	return found.Items
}
