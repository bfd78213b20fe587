package volume_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

func TestACutIsKept(t *testing.T) {
	c := newCutCluster()
	got := cut(t, c, volume.CutRequest{Volumes: planned("a", "b"), Inside: func(ns string) bool { return ns == "shop" }})
	for _, name := range []string{"a", "b"} {
		v := got[name]
		s := v.Snapshot
		if v.State != archive.VolumeReady || s == nil || s.Handle != "snap-"+s.Object || !s.Inside || s.RestoreSize != 1<<30 || s.CutAt.UnixNano() != 1_700_000_000_123_456_000 {
			t.Errorf("%s: %+v, %+v", name, v, s)
			continue
		}
		if p := c.policyOf(s.Content); p != "Retain" {
			t.Errorf("%s: its content says %s", name, p)
		}
		labels := labelsOf(c.objects[keyOf("volumesnapshotcontents", "", s.Content)])
		for key, value := range volume.BackupLabels("cat", theBackup) {
			if labels[key] != value {
				t.Errorf("%s: its content has the labels %v", name, labels)
			}
		}
	}
}

// A snapshot that is left of an earlier backup of the same name is not taken for one of this backup.
func TestACutTakesNoOther(t *testing.T) {
	c := newCutCluster()
	earlier := cut(t, c, volume.CutRequest{Volumes: planned("a")})["a"].Snapshot
	if later := cut(t, c, volume.CutRequest{Volumes: planned("a")})["a"].Snapshot; later == nil || later.Handle == earlier.Handle {
		t.Errorf("got %+v, after %+v", later, earlier)
	}
}

// It waits for the cut, not until snapshots are ready.
func TestACutDoesNotWaitForReady(t *testing.T) {
	c := newCutCluster()
	c.play = func(c *cutCluster, s object, looks int) {
		if looks > 2 {
			bind(c, s, false)
		}
	}
	if v := cut(t, c, volume.CutRequest{Volumes: planned("a")})["a"]; v.State != archive.VolumeCut || v.Snapshot.Handle == "" || v.Snapshot.Inside {
		t.Errorf("%+v, %+v", v, v.Snapshot)
	}
}

func TestWhatHasAStateIsNotCut(t *testing.T) {
	skipped := archive.Volume{Namespace: "shop", Claim: "tmp", State: archive.VolumeSkipped, Reason: "scratch"}
	c := newCutCluster()
	got := cut(t, c, volume.CutRequest{Volumes: append(planned("a"), skipped)})
	if got["tmp"].State != archive.VolumeSkipped || got["a"].State != archive.VolumeReady || len(c.objects) != 2 {
		t.Errorf("%+v; the cluster holds %v", got, c.objects)
	}
}

// The snapshot controller never comes to begin with a claim that goes: the application is not held for it.
func TestAClaimThatGoesWhileItIsCut(t *testing.T) {
	for want, claims := range map[string][]object{
		"was deleted":      nil,
		"is being deleted": {{"kind": "PersistentVolumeClaim", "metadata": object{"namespace": "shop", "name": "bad", "deletionTimestamp": "2026-11-27T10:00:00Z"}}},
	} {
		c := newCutCluster(claims...)
		c.play = func(_ *cutCluster, s object, _ int) { s["status"] = object{"error": object{"message": "can't begin"}} }
		began := time.Now()
		got := cut(t, c, volume.CutRequest{Volumes: planned("bad"), Until: began.Add(time.Minute)})["bad"]
		if got.State != archive.VolumeFailed || !strings.Contains(got.Reason, want) || time.Since(began) > 30*time.Second {
			t.Errorf("after %s it is %s (%s), want that it %s", time.Since(began), got.State, got.Reason, want)
		}
	}
}

func TestCutsThatFail(t *testing.T) {
	sayTo := func(claim, message string) func(*cutCluster, object, int) {
		return func(c *cutCluster, s object, _ int) {
			if s["spec"].(object)["source"].(object)["persistentVolumeClaimName"] == claim {
				s["status"] = object{"error": object{"message": message}}
				return
			}
			bind(c, s, true)
		}
	}
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "volumesnapshotcontents"}, "x", errors.New("no right"))
	tests := map[string]struct {
		play  func(*cutCluster, object, int)
		fault func(verb, key string) error
		want  string
	}{
		"the driver's own message": {play: sayTo("bad", "SnapshotCreationPerVolumeRateExceeded"), want: "SnapshotCreationPerVolumeRateExceeded"},
		"nobody answers": {play: func(c *cutCluster, s object, _ int) {
			if s["spec"].(object)["source"].(object)["persistentVolumeClaimName"] != "bad" {
				bind(c, s, true)
			}
		}, want: "is the snapshot controller running"},
		"the driver is silent": {play: func(c *cutCluster, s object, _ int) {
			bind(c, s, true)
			if s["spec"].(object)["source"].(object)["persistentVolumeClaimName"] == "bad" {
				delete(s["status"].(object), "creationTime")
			}
		}, want: "has not answered"},
		"it is deleted meanwhile": {play: func(c *cutCluster, s object, looks int) {
			ns, name := meta(s)
			if s["spec"].(object)["source"].(object)["persistentVolumeClaimName"] == "bad" {
				delete(c.objects, keyOf("volumesnapshots", ns, name))
				return
			}
			if looks > 1 {
				bind(c, s, true)
			}
		}, want: "was deleted while it was cut"},
		"creating is refused": {fault: func(verb, key string) error {
			if verb == "create" && strings.HasSuffix(key, volume.Hash(planned("bad")[0].ClaimUID+"/bad")) {
				return forbidden
			}
			return nil
		}, want: "no right"},
		"it can't be made to Retain": {fault: func(verb, key string) error {
			if verb == "patch" && strings.HasSuffix(key, volume.Hash(planned("bad")[0].ClaimUID+"/bad")) {
				return forbidden
			}
			return nil
		}, want: "could not be set to Retain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCutCluster(object{"kind": "PersistentVolumeClaim", "metadata": object{"namespace": "shop", "name": "bad"}})
			if tt.play != nil {
				c.play = tt.play
			}
			c.fault = tt.fault
			got := cut(t, c, volume.CutRequest{Volumes: planned("bad", "good"), Until: time.Now().Add(300 * time.Millisecond)})
			if v := got["bad"]; v.State != archive.VolumeFailed || v.Snapshot != nil || !strings.Contains(v.Reason, tt.want) {
				t.Errorf("got %+v", v)
			}
			if v := got["good"]; v.State != archive.VolumeReady {
				t.Errorf("the other: %+v", v)
			}
		})
	}
}

// What may pass is tried again: a busy API server, an answer that was lost, a driver that errs once.
func TestCutTriesAgain(t *testing.T) {
	c := newCutCluster(object{"kind": "PersistentVolumeClaim", "metadata": object{"namespace": "shop", "name": "a"}})
	failed := map[string]bool{}
	c.fault = func(verb, key string) error {
		if once := verb + key; !failed[once] {
			failed[once] = true
			return apierrors.NewServerTimeout(schema.GroupResource{}, verb, 0)
		}
		return nil
	}
	c.play = func(c *cutCluster, s object, looks int) {
		if looks < 3 {
			s["status"] = object{"error": object{"message": "try again"}}
			return
		}
		delete(s, "status")
		bind(c, s, true)
	}
	if v := cut(t, c, volume.CutRequest{Volumes: planned("a")})["a"]; v.State != archive.VolumeReady {
		t.Errorf("got %+v", v)
	}
}

// The application is held until a cut is seen: that is soon after it, however long it takes.
func TestACutIsSeenSoon(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began, c := time.Now(), newCutCluster()
			c.play = func(c *cutCluster, s object, _ int) {
				if time.Since(began) >= after {
					bind(c, s, false)
				}
			}
			e := engineOn(c)
			e.Tuning = volume.Tuning{}
			if _, _, err := e.Cut(t.Context(), volume.CutRequest{Backup: theBackup, Epoch: 1, Volumes: planned("a")}); err != nil {
				t.Fatal(err)
			}
			if late := time.Since(began) - after; late > 20*time.Millisecond+after/19 {
				t.Errorf("a cut after %s is seen %s later", after, late)
			}
			if c.looks > 80 {
				t.Errorf("it was looked at %d times in %s", c.looks, after)
			}
		})
	}
}

// A claim is not asked for with each look at a snapshot that can't begin.
func TestAClaimIsLookedAtNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, asked := newCutCluster(object{"kind": "PersistentVolumeClaim", "metadata": object{"namespace": "shop", "name": "bad"}}), 0
		c.play = func(_ *cutCluster, s object, _ int) { s["status"] = object{"error": object{"message": "can't begin"}} }
		c.fault = func(verb, key string) error {
			if verb == "list" && strings.HasPrefix(key, "persistentvolumeclaims/") {
				asked++
			}
			return nil
		}
		cut(t, c, volume.CutRequest{Volumes: planned("bad"), Until: time.Now().Add(5 * time.Second)})
		if asked < 4 || asked > 6 {
			t.Errorf("in 5 s its claim was asked for %d times", asked)
		}
	})
}

// A cut is given up in time for the thaw.
func TestACutEndsInTime(t *testing.T) {
	c := newCutCluster()
	c.play = func(*cutCluster, object, int) {}
	began := time.Now()
	v := cut(t, c, volume.CutRequest{Volumes: planned("a"), Until: began.Add(20 * time.Millisecond)})["a"]
	if v.State != archive.VolumeFailed || time.Since(began) > 30*time.Second {
		t.Errorf("after %s: %+v", time.Since(began), v)
	}
}

func TestACutEndsWithItsContext(t *testing.T) {
	c := newCutCluster()
	ctx, end := context.WithCancelCause(t.Context())
	why := errors.New("held for too long")
	c.play = func(*cutCluster, object, int) { end(why) }
	if _, _, err := engineOn(c).Cut(ctx, volume.CutRequest{Backup: theBackup, Epoch: 1, Volumes: planned("a")}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// What changes a content back is noticed before the application goes on.
func TestRetainIsReadBack(t *testing.T) {
	c := newCutCluster()
	e := engineOn(reverting{c})
	done, _, err := e.Cut(t.Context(), volume.CutRequest{Backup: theBackup, Epoch: 1, Volumes: planned("a")})
	if err != nil {
		t.Fatal(err)
	}
	if done[0].State != archive.VolumeFailed || !strings.Contains(done[0].Reason, "something in the cluster changes it") {
		t.Errorf("got %+v", done[0])
	}
}

func TestDiscard(t *testing.T) {
	c := newCutCluster()
	first := cut(t, c, volume.CutRequest{Volumes: planned("a", "b"), Epoch: 1})
	later := cut(t, c, volume.CutRequest{Volumes: planned("a"), Epoch: 2})
	e, other := engineOn(c), engineOn(c)
	other.CatalogID = "another"
	if err := other.Discard(t.Context(), theBackup, 9, nil); err != nil || len(c.deleted) > 0 {
		t.Fatalf("another catalog deleted %v, %v", c.deleted, err)
	}
	if err := e.Discard(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "weekly"}, 9, nil); err != nil || len(c.deleted) > 0 {
		t.Fatalf("another backup deleted %v, %v", c.deleted, err)
	}
	if err := e.Discard(t.Context(), theBackup, 1, []archive.Volume{first["b"]}); err != nil {
		t.Fatal(err)
	}
	gone, kept, newer := first["a"].Snapshot, first["b"].Snapshot, later["a"].Snapshot
	if c.objects[keyOf("volumesnapshots", "shop", gone.Object)] != nil || c.policyOf(gone.Content) == "Retain" {
		t.Errorf("what was to go is there: content says %q", c.policyOf(gone.Content))
	}
	for _, s := range []*archive.Snapshot{kept, newer} {
		if c.objects[keyOf("volumesnapshots", "shop", s.Object)] == nil || c.policyOf(s.Content) != "Retain" {
			t.Errorf("%s is gone, or its content says %q", s.Object, c.policyOf(s.Content))
		}
	}
}

// A content whose VolumeSnapshot somebody deleted is found, too.
func TestDiscardFindsContentsAlone(t *testing.T) {
	c := newCutCluster()
	s := cut(t, c, volume.CutRequest{Volumes: planned("a")})["a"].Snapshot
	delete(c.objects, keyOf("volumesnapshots", "shop", s.Object))
	if err := engineOn(c).Discard(t.Context(), theBackup, 1, nil); err != nil || c.policyOf(s.Content) != "" {
		t.Errorf("the content says %q, %v", c.policyOf(s.Content), err)
	}
}
