package catalogtest

import (
	"fmt"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// wantNewest fails the test unless the newest good backup has this name; "" wants none.
func wantNewest(t *testing.T, c catalog.Backups, cluster, ns string, at time.Time, want string) {
	t.Helper()
	b, err := c.NewestGood(t.Context(), cluster, ns, at)
	if want == "" {
		if err == nil {
			t.Errorf("%s of %s at %s: got %s, want none", ns, cluster, at, b.ID())
		} else {
			wantCode(t, ns+" of "+cluster, err, salvor.NotFound)
		}
		return
	}
	if err != nil {
		t.Errorf("%s of %s at %s: %v", ns, cluster, at, err)
		return
	}
	if b.Name != want || b.Status.ClusterID != cluster || !b.Status.Phase.Good() {
		t.Errorf("%s of %s at %s: got %s, %s; want %s", ns, cluster, at, b.ID(), b.Status.Phase, want)
	}
}

func newestPhases(t *testing.T, c catalog.Catalog) {
	create(t, c, newBackup("prod", "good", noon, good("shop")))
	for i, p := range salvor.Phases() {
		if p != salvor.PhaseCompleted {
			create(t, c, newBackup("prod", fmt.Sprint("other-", i), noon.Add(time.Duration(i+1)*time.Minute), phase(p), holds("shop")))
		}
	}
	wantNewest(t, c, "prod", "shop", noon.Add(time.Hour), "good")
}

func newestBounds(t *testing.T, c catalog.Catalog) {
	second := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	for i := range 3 {
		// The date that counts is that of the cut.
		create(t, c, newBackup("prod", fmt.Sprint("b-", i), second(1000+i), cut(second(10*i)), good("shop")))
	}
	for at, want := range map[int]string{-1: "", 0: "b-0", 1: "b-0", 9: "b-0", 10: "b-1", 19: "b-1", 20: "b-2", 99999: "b-2"} {
		wantNewest(t, c, "prod", "shop", second(at), want)
	}
	wantNewest(t, c, "prod", "shop", second(10).Add(-1), "b-0")
	wantNewest(t, c, "prod", "shop", second(10).Add(1), "b-1")
	wantNewest(t, c, "prod", "shop", second(10).In(time.FixedZone("", -9*3600)), "b-1")
	create(t, c, newBackup("prod", "b-0a", second(0), cut(second(10)), good("shop"))) // Cut in the same second as b-1.
	wantNewest(t, c, "prod", "shop", second(10), "b-0a")
}

func newestOthers(t *testing.T, c catalog.Catalog) {
	create(t, c, newBackup("prod", "old", noon, good("shop", "bank")))
	create(t, c, newBackup("prod", "bank", noon.Add(time.Minute), good("bank")))
	create(t, c, newBackup("stage", "newer", noon.Add(time.Hour), good("shop")))
	create(t, c, newBackup("pro", "d", noon.Add(time.Hour), good("dshop", "d shop")))
	at := noon.Add(24 * time.Hour)
	wantNewest(t, c, "prod", "shop", at, "old")
	wantNewest(t, c, "prod", "bank", at, "bank")
	wantNewest(t, c, "stage", "shop", at, "newer")
	wantNewest(t, c, "stage", "bank", at, "")
	wantNewest(t, c, "none", "shop", at, "")
	wantNewest(t, c, "", "", at, "")
}

func newestChanges(t *testing.T, c catalog.Catalog) {
	at := noon.Add(time.Hour)
	old := create(t, c, newBackup("prod", "old", noon, good("shop")))
	b := create(t, c, newBackup("prod", "new", noon.Add(time.Minute), phase(salvor.PhaseCapturing), holds("shop")))
	wantNewest(t, c, "prod", "shop", at, "old")
	mutate(t, c, b.ID(), phase(salvor.PhaseCompleted))
	wantNewest(t, c, "prod", "shop", at, "new")
	mutate(t, c, b.ID(), phase(salvor.PhaseDeleting))
	wantNewest(t, c, "prod", "shop", at, "old")
	mutate(t, c, b.ID(), phase(salvor.PhaseCompleted))
	wantNewest(t, c, "prod", "shop", at, "new")
	mutate(t, c, b.ID(), holds("bank"))
	wantNewest(t, c, "prod", "shop", at, "old")
	mutate(t, c, b.ID(), holds("bank", "shop"), cut(noon.Add(2*time.Hour)))
	wantNewest(t, c, "prod", "shop", at, "old")
	wantNewest(t, c, "prod", "shop", at.Add(time.Hour), "new")
	remove(t, c, b.ID())
	wantNewest(t, c, "prod", "shop", at.Add(time.Hour), "old")
	remove(t, c, old.ID())
	wantNewest(t, c, "prod", "shop", at.Add(time.Hour), "")
	create(t, c, newBackup("prod", "new", noon.Add(time.Minute), holds("shop"))) // The name of a good one that is gone.
	wantNewest(t, c, "prod", "shop", at.Add(time.Hour), "")
}
