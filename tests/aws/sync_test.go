package aws_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/stack"
)

// The table is lost: one invocation of the sync function makes it anew out of the bucket, backups, rules, policies and
// schedules, and another does nothing. Then the search finds what it found before, and a restore works.
func TestALostTableComesBack(t *testing.T) {
	w := newWorld(t)
	w.Queues.Poll("SyncAsks")
	ns := w.namespace()
	w.nightly(ns)
	w.create("rules", `{"apiVersion":"salvor.io/v1","kind":"Rule","metadata":{"name":"freeze"},"spec":{"subRules":[{"podSelectors":[{}],"actions":[{"shell":"sync"}]}]}}`)
	w.backup("b1", ns)
	w.backup("b2", ns)
	contains := "contains=configmaps/settings&last=1d&namespace=" + ns
	if got := w.found(contains); !slices.Equal(got, []string{"b2", "b1"}) {
		t.Errorf("settings is found in %v", got)
	}
	if got := w.found("contains=configmaps/settingz&last=1d&namespace=" + ns); len(got) > 0 {
		t.Errorf("what is in no backup is found in %v", got)
	}
	w.Eventually("everything is exported", func() bool {
		n := 0
		for _, key := range w.Keys() {
			if strings.HasPrefix(key, "config/") {
				n++
			}
		}
		return n == 3 && len(w.Queues.Bodies("SyncAsks")) == 0 // what is asked after the loss would be exported as deleted
	})
	before := w.entries()
	w.LoseTable()
	if got := w.found("last=1d"); len(got) > 0 {
		t.Fatalf("after the loss %v is found", got)
	}
	event := fmt.Sprintf(`{"location":"bucket","spec":{"s3":{"bucket":%q,"region":"eu-central-1"}}}`, w.Bucket)
	for _, want := range []salvor.LocationSync{{Manifests: 2, Imported: 2, SettingsImported: 3}, {Manifests: 2}} {
		r := w.Invoke("SyncFunction", event)
		var reports map[string]salvor.LocationSync
		if err := json.Unmarshal(r.Payload, &reports); r.Err() != nil || err != nil {
			t.Fatalf("the sync is answered %v %s", r.Err(), r.Payload)
		}
		got := reports["bucket"]
		want.StartedAt, want.CompletedAt, want.Complete = got.StartedAt, got.CompletedAt, got.StartedAt
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the sync did (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(before, w.entries()); diff != "" {
		t.Errorf("what came back (-before +after):\n%s", diff)
	}
	if a := w.API.Call("GET", "/v1/schedules/nightly", ""); a.Status != 200 {
		t.Errorf("the schedule is answered %d", a.Status)
	}
	if got := w.found(contains); !slices.Equal(got, []string{"b2", "b1"}) {
		t.Errorf("settings is found in %v", got)
	}
	w.create("clusters", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"prod"},"spec":{"eks":{"arn":%q}}}`, w.k.AWS.ClusterARN))
	w.drop(ns)
	w.cli(0, "restore", "b1", "--name", "r1", "--yes")
	if got := w.cli(0, "location", "sync", "bucket"); !strings.Contains(got, "nothing to do") {
		t.Errorf("salvor location sync says\n%s", got)
	}
	if got := w.cli(0, "backups", "--calendar", "--zone", "UTC", "--on", "today"); !strings.Contains(got, " 2 ") {
		t.Errorf("the calendar says\n%s", got)
	}
}

// entries are the backups as the catalog has them, but for what a catalog alone knows.
func (w *world) entries() map[string]string {
	w.t.Helper()
	a := w.API.Call("GET", "/v1/backups?last=1d", "")
	var page struct{ Items []*salvor.Backup }
	if err := json.Unmarshal(a.Body, &page); err != nil {
		w.t.Fatal(err)
	}
	all := map[string]string{}
	for _, b := range page.Items {
		b.ResourceVersion, b.Annotations, b.Status.Lease = "", nil, salvor.Lease{}
		data, err := json.MarshalIndent(b, "", " ")
		if err != nil {
			w.t.Fatal(err)
		}
		all[b.Name] = string(data)
	}
	return all
}

// The sync reads no segments and stores nothing but settings; the search only reads.
func TestTheSyncCanNotReadWhatBackupsHold(t *testing.T) {
	s, _ := template(t, nil)
	bucket, err := s.ARN("Bucket")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		request      string
		sync, search bool
	}{
		{"s3:GetObject /prod/segments/x", false, true},
		{"s3:GetObject /prod/backups/b/report.json", false, false},
		{"s3:GetObject /prod/backups/b/manifest.json", true, true},
		{"s3:GetObject /team/prod/backups/b/events/e.json", true, false},
		{"s3:PutObject /prod/backups/b/manifest.json", false, false},
		{"s3:PutObject /prod/owner.json", false, false},
		{"s3:PutObject /config/rules/a/b.json", true, false},
		{"s3:DeleteObject /config/rules/a/b.json", false, false},
	} {
		action, key, _ := strings.Cut(c.request, " ")
		for role, want := range map[string]bool{"SyncRole": c.sync, "SearchRole": c.search} {
			policy, err := s.Policies(role)
			if err != nil {
				t.Fatal(err)
			}
			if got := stack.Allows(policy, stack.Request{Action: action, Resource: bucket + key}); got != want {
				t.Errorf("%s: %s: allowed is %t", role, c.request, got)
			}
		}
	}
}
