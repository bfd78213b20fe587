package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/catalogtest"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newBackup(cluster, name string, created time.Time) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.CreationTimestamp = name, metav1.NewTime(created)
	b.Spec.Schedule = "nightly"
	b.Status.ClusterID, b.Status.Phase = cluster, salvor.PhaseCapturing
	b.Status.Namespaces = []string{"shop", "bank"}
	return b
}

func create(t testing.TB, c catalog.Backups, b *salvor.Backup) *salvor.Backup {
	t.Helper()
	if err := c.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

func moveTo(at time.Time) func(*salvor.Backup) error {
	return func(b *salvor.Backup) error { b.Status.CutAt = metav1.NewMicroTime(at); return nil }
}

// mutates is an operation that changes the backup.
func mutates(change func(*salvor.Backup) error) func(*testing.T, catalog.Catalog, *salvor.Backup) error {
	return func(t *testing.T, c catalog.Catalog, b *salvor.Backup) error {
		_, err := catalog.MutateBackup(t.Context(), c, b.ID(), change)
		return err
	}
}

// operations are those that write a backup.
var operations = []struct {
	name string
	// fresh: the backup is not there before.
	fresh bool
	// ended: the backup is Completed before, so that its index items hold copies of it.
	ended bool
	do    func(*testing.T, catalog.Catalog, *salvor.Backup) error
	// again is the code that a repetition may end with when the first time had worked after all.
	again salvor.Code
	done  func(*salvor.Backup) bool
}{
	{"create", true, false, func(t *testing.T, c catalog.Catalog, b *salvor.Backup) error { return c.CreateBackup(t.Context(), b) },
		salvor.Exists, func(b *salvor.Backup) bool { return b != nil }},
	{"learn of namespaces", false, false, mutates(func(b *salvor.Backup) error { b.Status.Namespaces = []string{"bank", "post", "shop"}; return nil }),
		"", func(b *salvor.Backup) bool { return len(b.Status.Namespaces) == 3 }},
	{"cut", false, false, mutates(moveTo(noon.Add(20 * time.Hour))),
		"", func(b *salvor.Backup) bool { return b.Date().Equal(noon.Add(20 * time.Hour)) }},
	{"complete", false, false, mutates(func(b *salvor.Backup) error { b.Status.Phase = salvor.PhaseCompleted; return nil }),
		"", func(b *salvor.Backup) bool { return b.Status.Phase.Good() }},
	{"cut and complete", false, false, mutates(func(b *salvor.Backup) error {
		b.Status.Phase = salvor.PhaseCompleted
		return moveTo(noon.Add(time.Hour))(b)
	}), "", func(b *salvor.Backup) bool { return b.Status.Phase.Good() && b.Date().Equal(noon.Add(time.Hour)) }},
	{"delete", false, false, func(t *testing.T, c catalog.Catalog, b *salvor.Backup) error {
		return c.DeleteBackup(t.Context(), b.ID(), "")
	},
		salvor.NotFound, func(b *salvor.Backup) bool { return b == nil }},
	{"label one that is completed", false, true, mutates(func(b *salvor.Backup) error { b.Labels = map[string]string{"keep": "yes"}; return nil }),
		"", func(b *salvor.Backup) bool { return b.Labels["keep"] == "yes" }},
	{"begin to delete one that is completed", false, true, mutates(func(b *salvor.Backup) error { b.Status.Phase = salvor.PhaseDeleting; return nil }),
		"", func(b *salvor.Backup) bool { return b.Status.Phase == salvor.PhaseDeleting }},
	{"move one that is completed", false, true, mutates(func(b *salvor.Backup) error {
		b.Status.Namespaces = []string{"bank", "post"}
		return moveTo(noon.Add(20 * time.Hour))(b)
	}), "", func(b *salvor.Backup) bool { return b.Date().Equal(noon.Add(20 * time.Hour)) }},
	{"delete one that is completed", false, true, func(t *testing.T, c catalog.Catalog, b *salvor.Backup) error {
		return c.DeleteBackup(t.Context(), b.ID(), "")
	},
		salvor.NotFound, func(b *salvor.Backup) bool { return b == nil }},
}

// TestCrashBetweenWrites lets the writer die at every request of every operation, before the request and after it.
// Then searches must tell the truth, whatever it is, and the operation repeated by another process must succeed.
func TestCrashBetweenWrites(t *testing.T) {
	for _, k := range operations {
		for _, carriedOut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, request carried out %t", k.name, carriedOut), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					api, table := newTable(t)
					healthy := dynamo.New(api, table)
					b := newBackup("prod", "one", noon)
					if k.ended {
						b.Status.Phase = salvor.PhaseCompleted
					}
					if !k.fresh {
						create(t, healthy, b)
					}
					f, died := crash(api, n, carriedOut)
					if err := k.do(t, dynamo.New(f, table), b); err != nil && !died() {
						t.Fatal(err)
					}
					catalogtest.Audit(t, healthy, b.ID())

					err := k.do(t, dynamo.New(api, table), newBackup("prod", "one", noon))
					if err != nil && !salvor.Is(err, k.again) {
						t.Fatalf("request %d: doing it again: %v", n, err)
					}
					after, err := healthy.GetBackup(t.Context(), b.ID())
					if err != nil && !salvor.Is(err, salvor.NotFound) {
						t.Fatal(err)
					}
					if !k.done(after) {
						t.Fatalf("request %d: not done after doing it again: %+v", n, after)
					}
					catalogtest.Audit(t, healthy, b.ID())
					if !died() {
						if n < 3 {
							t.Fatalf("the operation made only %d requests", n-1)
						}
						return
					}
				}
			})
		}
	}
}

// TestSentTwice lets every write go out twice, the first answer being lost, as the SDK does after a broken
// connection. What was written shall not be taken for somebody else's.
func TestSentTwice(t *testing.T) {
	api, table := newTable(t)
	c := dynamo.New(twice{api}, table)
	r := salvor.New(salvor.KindRule).(*salvor.Rule)
	r.Name = "freeze"
	b := newBackup("prod", "one", noon)
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"Create", func() error { return c.Create(t.Context(), r) }},
		{"Update", func() error { return c.Update(t.Context(), r) }},
		{"Delete", func() error { return c.Delete(t.Context(), salvor.KindRule, r.Name, r.ResourceVersion) }},
		{"CreateBackup", func() error { return c.CreateBackup(t.Context(), b) }},
		{"UpdateBackup", func() error { return c.UpdateBackup(t.Context(), b) }},
		{"UpdateBackup, moving it", func() error { _ = moveTo(noon.Add(time.Hour))(b); return c.UpdateBackup(t.Context(), b) }},
		{"DeleteBackup", func() error { return c.DeleteBackup(t.Context(), b.ID(), b.ResourceVersion) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
		catalogtest.Audit(t, c, b.ID())
	}
	if err := c.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), r); !salvor.Is(err, salvor.Exists) {
		t.Errorf("creating what is there: %v", err)
	}
}
