package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What retention lets go is deleted by the schedule's event, what somebody deletes by way of the state machine, both by the one
// function that may; a hold stops both.
func TestTheExpiryDeletesAndNothingElseMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"nightly"},"spec":{"daily":{"times":["02:00"]},"retention":{"last":1}}}`)
	w.create("schedules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":"nightly"},"spec":{"policy":"nightly",
		"template":{"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":[%q]}}}}}`, ns))
	for day := range 3 {
		w.Scheduler.Fire(t.Context(), "nightly_1", due.Add(time.Duration(day)*24*time.Hour))
	}
	const first, second, third = "nightly-20261122t020000z", "nightly-20261123t020000z", "nightly-20261124t020000z"
	expect := func(when string, want ...string) {
		t.Helper()
		if got := w.found("on=today&namespace=" + ns); !slices.Equal(got, want) {
			t.Fatalf("%s the search finds %v, want %v", when, got, want)
		}
	}
	expect("before", third, second, first)
	if a := w.API.Call("POST", "/v1/backups/prod/"+first+"/hold?reason=audit", ""); a.Status != 202 {
		t.Fatalf("holding answers %d: %s", a.Status, a.Body)
	}
	if r := w.Invoke("ExpireFunction", `{"expire":true}`); r.Err() != nil || !strings.Contains(string(r.Payload), second) {
		t.Fatalf("the expiry answers %v %s", r.Err(), r.Payload)
	}
	expect("after the expiry", third, first)
	if a := w.API.Call("DELETE", "/v1/backups/prod/"+first, ""); a.Status != 409 {
		t.Errorf("deleting what is held answers %d: %s", a.Status, a.Body)
	}
	if r := w.Invoke("ExpireFunction", `{"collect":true}`); r.Err() != nil || !strings.Contains(string(r.Payload), `"repositories":1`) {
		t.Fatalf("the look for unused segments answers %v %s", r.Err(), r.Payload)
	}
	for _, call := range []string{"POST /v1/backups/prod/" + first + "/release", "DELETE /v1/backups/prod/" + first} {
		method, path, _ := strings.Cut(call, " ")
		if a := w.API.Call(method, path, ""); a.Status != 202 {
			t.Fatalf("%s answers %d: %s", call, a.Status, a.Body)
		}
	}
	w.Eventually("what was deleted by way of the API is gone", func() bool {
		return w.API.Call("GET", "/v1/backups/prod/"+first, "").Status == 404
	})
	expect("at the end", third)
}
