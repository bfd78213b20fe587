package aws_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/cloud"
)

// atScheduler lists the schedules of EventBridge: name, expression, zone, state.
func (w *world) atScheduler() []string {
	var all []string
	for _, s := range w.Scheduler.Schedules() {
		all = append(all, strings.Join([]string{s.Name, s.ScheduleExpression, s.ScheduleExpressionTimezone, s.State}, " "))
	}
	return all
}

// The sweep repairs what differs from the catalog, whatever was done to it, removes what belongs to nothing, and does nothing
// the second time.
func TestTheSweepKeepsSchedulesEqual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"mixed"},"spec":{"timeZone":"Asia/Kolkata",
		"monthly":{"days":[31,-1],"weekdays":["first Monday","last Friday"],"months":["March","June"],"times":["02:30"]},"endDate":"2099-12-31"}}`)
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"often"},"spec":{"rate":"2 hours","missedRuns":"Skip"}}`)
	for name, policy := range map[string]string{"m": "mixed", "o": "often"} {
		w.create("schedules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":%q},"spec":{"policy":%q,
			"template":{"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":["x"]}}}}}`, name, policy))
	}
	want := []string{"m_1 cron(30 2 31 MAR,JUN ? *) Asia/Kolkata ENABLED", "m_2 cron(30 2 L MAR,JUN ? *) Asia/Kolkata ENABLED",
		"m_3 cron(30 2 ? MAR,JUN 2#1 *) Asia/Kolkata ENABLED", "m_4 cron(30 2 ? MAR,JUN 6L *) Asia/Kolkata ENABLED", "o_1 rate(120 minutes) UTC ENABLED"}
	if diff := cmp.Diff(want, w.atScheduler()); diff != "" {
		t.Fatal(diff)
	}
	before := w.Scheduler.Schedules()
	sweep := func(says string) {
		t.Helper()
		if r := w.Invoke("ApiFunction", `{"sweep":"schedules"}`); r.Err() != nil || !strings.Contains(string(r.Payload), says) {
			t.Errorf("the sweep answers %v %s, want %s", r.Err(), r.Payload, says)
		}
		if diff := cmp.Diff(before, w.Scheduler.Schedules()); diff != "" {
			t.Error(diff)
		}
	}
	sweep(`{"checked":2}`)
	for name, change := range map[string]func(*cloud.Schedule){
		"m_1": nil,
		"m_2": func(s *cloud.Schedule) { s.State = "DISABLED" },
		"m_3": func(s *cloud.Schedule) { s.Target.Input = "{}" },
		"m_4": func(s *cloud.Schedule) { s.EndDate = 0 },
		"m_5": func(s *cloud.Schedule) { *s = before[0]; s.Name = "m_5" },
		"o_1": func(s *cloud.Schedule) { s.StartDate += 60 },
		"old": func(s *cloud.Schedule) { *s = before[0]; s.Name = "old" },
	} {
		w.Scheduler.Spoil(name, change)
	}
	if r := w.Invoke("ApiFunction", `{"sweep":"schedules"}`); r.Err() != nil || strings.Count(string(r.Payload), "_") != 6 || !strings.Contains(string(r.Payload), `"removed":["m_5","old"]`) {
		t.Errorf("the sweep answers %v %s", r.Err(), r.Payload)
	}
	for i, s := range w.Scheduler.Schedules() { // an interval begins anew, at a run of its own
		if s.Name == "o_1" && int(s.StartDate-before[i].StartDate)%7200 == 0 {
			before[i].StartDate = s.StartDate
		}
	}
	sweep(`{"checked":2}`)
	// Suspended by the API, it is so at EventBridge.
	if a := w.API.Call("DELETE", "/v1/schedules/m", ""); a.Status != 204 {
		t.Errorf("deleting answers %d", a.Status)
	}
	if got := w.atScheduler(); len(got) != 1 {
		t.Errorf("after one was deleted, EventBridge has %v", got)
	}
}

// A schedule of all clusters that a label selects: each delivery comes three times at once while the functions are killed
// again and again; some are never delivered. Each run is there once for each cluster, and ends well.
func TestEveryRunOnceThoughFunctionsAreKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create("clusters", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"second","labels":{"stage":"prod"}},"spec":{"eks":{"arn":%q}}}`, w.k.AWS.ClusterARN))
	w.create("clusters", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"third","labels":{"stage":"prod"}},"spec":{"eks":{"arn":%q}}}`, w.k.AWS.ClusterARN))
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"hourly"},"spec":{"cron":"0 * * * ? *"}}`)
	w.create("schedules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":"all"},"spec":{"policy":"hourly","overlap":"Queue",
		"clusterSelector":{"matchLabels":{"stage":"prod"}},"template":{"labels":{"from":"all"},"spec":{"location":"bucket","scope":{"namespaces":[%q]}}}}}`, ns))
	w.Machine.Retries, w.Machine.Waits = map[string]int{"Backup": 100}, map[string]int{"BackupWait": 3000}
	for i := range 2 {
		at := due.Add(time.Duration(i) * time.Hour)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() { w.Scheduler.Fire(t.Context(), "all_1", at) })
		}
		// As often as Lambda tries again: what is delivered in vain is made up for by the sweep, but not after days.
		for range 2 {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // somewhere in the middle of it
			w.Function("BackupFunction").Kill()
		}
		wait.Wait()
	}
	// What died between recording a run and handing it over, or was given up, is found by the sweep once nobody works on it.
	for end := time.Now().Add(4 * time.Minute); len(w.found("schedule=all&phase=Completed")) < 4; time.Sleep(2 * time.Second) {
		if time.Now().After(end) {
			t.Fatalf("not all runs have ended well; there are %v, of which good %v", w.found("schedule=all"), w.found("schedule=all&phase=Completed"))
		}
		if r := w.Invoke("ApiFunction", `{"sweep":"schedules"}`); r.Err() != nil {
			t.Errorf("the sweep fails: %v", r.Err())
		}
	}
	w.Machine.Idle()
	var want []string
	for i := range 2 {
		name := salvor.RunName("all", due.Add(time.Duration(i)*time.Hour))
		want = append(want, name, name)
	}
	got := w.found("schedule=all&labels=from%3Dall")
	slices.Sort(got)
	// When the hour strikes meanwhile, the sweep begins that run, which nobody delivers.
	got = slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, "all-20261122") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-named +found) %s", diff)
	}
}
