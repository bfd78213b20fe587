package volume_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/volume"
)

// standing is a content of the backup in the state given.
func standing(name string, status object) object {
	labels := object{}
	for k, v := range volume.BackupLabels("cat", theBackup) {
		labels[k] = v
	}
	return object{"kind": "VolumeSnapshotContent", "metadata": object{"name": name, "labels": labels, "creationTimestamp": time.Now().UTC().Format(time.RFC3339)},
		"spec": object{"deletionPolicy": "Retain", "driver": "ebs.csi.aws.com"}, "status": status}
}

func cutVolume() []archive.Volume {
	all := planned("data")
	all[0].State = archive.VolumeCut
	all[0].Snapshot.Handle, all[0].Snapshot.Content, all[0].Snapshot.Object = "snap-1", "content-1", "object-1"
	return all
}

func saying(message string, since time.Duration) object {
	return object{"snapshotHandle": "snap-1", "error": object{"message": message, "time": time.Now().Add(-since).UTC().Format(time.RFC3339)}}
}

func TestLook(t *testing.T) {
	for name, tt := range map[string]struct {
		content object
		cut     time.Duration // ago
		state   archive.VolumeState
		note    string
		asks    bool
	}{
		"pending for long":         {content: standing("content-1", object{"snapshotHandle": "snap-1"}), cut: time.Hour, state: archive.VolumeCut, note: "nothing was heard", asks: true},
		"pending":                  {content: standing("content-1", object{"snapshotHandle": "snap-1"}), state: archive.VolumeCut},
		"ready":                    {content: standing("content-1", object{"snapshotHandle": "snap-1", "readyToUse": true}), state: archive.VolumeCut, note: "says that it is ready", asks: true},
		"an error":                 {content: standing("content-1", saying("throttled", time.Second)), state: archive.VolumeCut, note: "throttled"},
		"an error for long":        {content: standing("content-1", saying("class is gone", time.Hour)), state: archive.VolumeCut, note: "class is gone", asks: true},
		"deleted":                  {state: archive.VolumeCut, note: "was deleted", asks: true},
		"another one of that name": {content: standing("content-1", object{"snapshotHandle": "snap-2", "readyToUse": true}), state: archive.VolumeCut, note: "was deleted", asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster()
			if tt.content != nil {
				c.put("volumesnapshotcontents", tt.content)
			}
			volumes := cutVolume()
			volumes[0].Snapshot.CutAt = metav1.NewMicroTime(time.Now().Add(-tt.cut))
			sight, err := engineOn(c).Look(t.Context(), theBackup, volumes)
			if err != nil || sight.Volumes[0].State != tt.state || !strings.Contains(sight.Notes["shop/data"], tt.note) {
				t.Fatalf("got %+v, %v", sight, err)
			}
			if asks := asking(c) != nil; asks != tt.asks {
				t.Errorf("the driver is asked: %t", asks)
			}
		})
	}
}

// A snapshot that is pending for long may be ready, and its csi-snapshotter have lost its turn. A driver that does not
// list pending snapshots does not know it, and it is there.
func TestWhatTheDriverAnswersOfASnapshotThatIsSilent(t *testing.T) {
	for name, tt := range map[string]struct {
		status object
		state  archive.VolumeState
	}{
		"it is ready":   {object{"snapshotHandle": "snap-1", "readyToUse": true}, archive.VolumeReady},
		"it is pending": {object{"snapshotHandle": "snap-1"}, archive.VolumeCut},
		"it is unknown": {object{"error": object{"message": "can not find snapshot for snapshotID snap-1"}}, archive.VolumeCut},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster(standing("content-1", object{"snapshotHandle": "snap-1"}))
			e, volumes := engineOn(c), cutVolume()
			e.Tuning.AskAfter, e.Tuning.SilentAfter = time.Nanosecond, time.Nanosecond
			if _, err := e.Look(t.Context(), theBackup, volumes); err != nil {
				t.Fatal(err)
			}
			o := asking(c)
			o["status"], o["metadata"].(object)["creationTimestamp"] = tt.status, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
			if sight, err := e.Look(t.Context(), theBackup, volumes); err != nil || sight.Volumes[0].State != tt.state {
				t.Errorf("got %+v, %v", sight, err)
			}
		})
	}
}

// asking is the content by which a driver is asked for a snapshot.
func asking(c *cutCluster) object {
	for key, o := range c.objects {
		if strings.Contains(key, "-ask-") {
			return o
		}
	}
	return nil
}

func TestWhatTheDriverAnswersOfADeletedContent(t *testing.T) {
	unknown := object{"error": object{"message": "can not find snapshot for snapshotID snap-1"}}
	for name, tt := range map[string]struct {
		status   object
		askAfter time.Duration
		state    archive.VolumeState
	}{
		"it is pending":            {object{"snapshotHandle": "snap-1"}, 0, archive.VolumeCut},
		"it is ready":              {object{"snapshotHandle": "snap-1", "readyToUse": true}, 0, archive.VolumeReady},
		"it is throttled":          {object{"error": object{"message": "rate exceeded"}}, time.Nanosecond, archive.VolumeCut},
		"it is unknown so far":     {unknown, time.Minute, archive.VolumeCut},
		"it is unknown for a time": {unknown, time.Nanosecond, archive.VolumeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster()
			e := engineOn(c)
			if _, err := e.Look(t.Context(), theBackup, cutVolume()); err != nil {
				t.Fatal(err)
			}
			o := asking(c)
			o["status"] = tt.status
			o["metadata"].(object)["creationTimestamp"] = time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339) // the API server's clock is behind
			if o["spec"].(object)["deletionPolicy"] != "Retain" {
				t.Errorf("asking could lose the snapshot: %v", o)
			}
			e.Tuning.AskAfter = tt.askAfter
			sight, err := e.Look(t.Context(), theBackup, cutVolume())
			if err != nil || sight.Volumes[0].State != tt.state {
				t.Fatalf("got %+v, %v", sight, err)
			}
			if sight.Volumes[0].Snapshot.Handle != "snap-1" {
				t.Error("the handle is not known any more")
			}
		})
	}
}

// Whatever the content says, its snapshot stays when it is released; what belongs to no volume of the backup is not touched.
func TestReleaseKeepsSnapshots(t *testing.T) {
	mine, stray := standing("content-1", object{"snapshotHandle": "snap-1"}), standing("stray", object{"snapshotHandle": "snap-9"})
	mine["spec"].(object)["deletionPolicy"] = "Delete"
	c := newCutCluster(mine, stray, object{"kind": "VolumeSnapshot", "metadata": object{"namespace": "shop", "name": "object-1"}})
	var policies []string
	c.fault = func(verb, key string) error {
		if verb == "patch" {
			policies = append(policies, key)
		}
		return nil
	}
	if err := engineOn(c).Release(t.Context(), theBackup, cutVolume()); err != nil {
		t.Fatal(err)
	}
	if len(policies) == 0 || mine["spec"].(object)["deletionPolicy"] != "Retain" {
		t.Errorf("the content goes with %v", mine["spec"])
	}
	// In this order: a VolumeSnapshot without its content gets another one, with which its snapshot goes.
	if want := []string{"volumesnapshots/shop/object-1", "volumesnapshotcontents//content-1"}; !slices.Equal(c.deleted, want) {
		t.Errorf("deleted are %v", c.deleted)
	}
	if err := engineOn(c).Release(t.Context(), theBackup, cutVolume()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// slowSidecar takes note of a content at the third look at it.
type slowSidecar struct {
	*cutCluster
	status object
	looked int
	last   object
}

func (s *slowSidecar) Get(ctx context.Context, r cluster.Resource, namespace, name string) ([]byte, error) {
	s.mu.Lock()
	if o := s.objects[keyOf(r.Name, namespace, name)]; o != nil && strings.Contains(name, "-delete-") {
		if s.looked++; s.looked == 3 {
			o["status"] = s.status
		}
		s.last = o
	}
	s.mu.Unlock()
	return s.cutCluster.Get(ctx, r, namespace, name)
}

// A snapshot is deleted with a content that says Delete, and whose status names it: without that the snapshot would stay.
func TestRemove(t *testing.T) {
	for name, status := range map[string]object{
		"the driver knows it":     {"snapshotHandle": "snap-1"},
		"the driver does not now": {"error": object{"message": "rate exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &slowSidecar{cutCluster: newCutCluster(), status: status}
			e := engineOn(c)
			e.Tuning.RemoveTime = 10 * time.Second
			if err := e.Remove(t.Context(), theBackup, cutVolume()); err != nil {
				t.Fatal(err)
			}
			looked, last := c.looked, c.last
			if looked < 3 || last["status"].(object)["snapshotHandle"] != "snap-1" || last["spec"].(object)["deletionPolicy"] != "Delete" {
				t.Errorf("after %d looks it was deleted as %v", looked, last)
			}
			if f := fmt.Sprint(last["metadata"].(object)["finalizers"]); !strings.Contains(f, "volumesnapshotcontent-bound-protection") {
				t.Errorf("it may go before its driver has deleted the snapshot: finalizers %s", f)
			}
		})
	}
}

func TestRemoveTellsThatNobodyAnswers(t *testing.T) {
	e := engineOn(newCutCluster())
	e.Tuning.RemoveTime = 20 * time.Millisecond
	err := e.Remove(t.Context(), theBackup, cutVolume())
	if err == nil || !strings.Contains(err.Error(), "snap-1") || !strings.Contains(err.Error(), "--keep-snapshots") {
		t.Errorf("got %v", err)
	}
}
