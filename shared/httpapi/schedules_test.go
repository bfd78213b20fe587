package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

// A schedule is run by hand: twice with the same time it is the same run.
func TestASchedulesRunsAreAskedFor(t *testing.T) {
	a := newAPI(t)
	a.fill()
	for range 2 {
		w := a.call(202, "POST", "/v1/schedules/shop/run?at=2026-11-22T11:59:30Z", "")
		var page struct{ Items []salvor.Backup }
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 1 || page.Items[0].Name != "shop-20261122t115930z" || page.Items[0].RequestedBy != "arn:aws:iam::1:user/me" || page.Items[0].Spec.Schedule != "shop" {
			t.Errorf("the runs are %s", w.Body)
		}
	}
	// While that one has not ended, another is left out, and says so.
	w := a.call(202, "POST", "/v1/schedules/shop/run", "")
	if body := w.Body.String(); !strings.Contains(body, `"phase":"Canceled"`) || !strings.Contains(body, "shop-20261122t115930z of the same schedule had not ended") {
		t.Errorf("a run beside another one is answered %s", body)
	}
	if got := strings.Join(a.worked, " "); got != "shop-20261122t115930z shop-20261122t115930z" {
		t.Errorf("worked on are %s", got)
	}
	a.call(400, "POST", "/v1/schedules/shop/run?at=yesterday", "")
	a.call(400, "POST", "/v1/schedules/shop/run?at=2026-11-20T00:00:00Z", "")
	a.call(404, "POST", "/v1/schedules/none/run", "")
}

// What runs from when on is Salvor's to note: resuming a schedule, or changing the times of a policy, makes up for nothing.
func TestRunsCountFromTheLastChange(t *testing.T) {
	a := newAPI(t)
	a.fill()
	put := func(path, old, changed string) string {
		t.Helper()
		body := strings.Replace(objects[path], old, changed, 1)
		w := a.call(200, "PUT", "/v1/"+path+"/"+nameOf(path), body, "If-Match", "*")
		var o struct{ Status struct{ Since string } }
		if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		return o.Status.Since
	}
	for _, c := range []struct{ why, path, old, changed, since string }{
		{"suspended", "schedules", `"policy":`, `"suspend":true,"policy":`, ""},
		{"resumed, and a status is not the caller's to set", "schedules", `"spec":{`, `"status":{"lastRun":"2030-01-01T00:00:00Z"},"spec":{`, "2026-11-22T12:00:00Z"},
		{"another retention", "schedulepolicies", `"daily":`, `"retention":{"last":3},"daily":`, ""},
		{"another time", "schedulepolicies", `02:00`, `03:00`, "2026-11-22T12:00:00Z"},
	} {
		if got := put(c.path, c.old, c.changed); got != c.since {
			t.Errorf("%s: runs count from %q, want %q", c.why, got, c.since)
		}
	}
	o, err := a.catalog.Get(t.Context(), salvor.KindBackupSchedule, "shop")
	if err != nil || !o.(*salvor.BackupSchedule).Status.LastRun.IsZero() {
		t.Errorf("the status that a caller sent is %+v, %v", o, err)
	}
}

// A policy that can't be followed is refused before it is stored.
func TestACronExpressionIsRead(t *testing.T) {
	a := newAPI(t)
	w := a.call(400, "POST", "/v1/schedulepolicies", strings.Replace(objects["schedulepolicies"], `"daily":{"times":["02:00"]}`, `"cron":"0 2 ? * MON#1,FRI#1 *"`, 1))
	if !strings.Contains(w.Body.String(), "stands alone at EventBridge") {
		t.Errorf("it is answered %s", w.Body)
	}
}
