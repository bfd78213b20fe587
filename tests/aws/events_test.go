package aws_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/tests/testenv"
)

// Each function's folder holds events that a person can paste into the console's Test tab. In this order, each works in
// an account that has a cluster prod, a location bucket, a schedule nightly and a namespace shop.
var sampleEvents = []struct{ function, event, says string }{
	{"BackupFunction", "backup/events/console.json", `"phase":"Completed"`},
	{"BackupFunction", "backup/events/schedule.json", `"name":"nightly-20261122t020000z","status":"done"`},
	{"BackupFunction", "backup/events/scheduler-default.json", `"name":"nightly-20261123t020000z","status":"done"`},
	{"BackupFunction", "backup/events/task.json", `"phase":"Completed"`},
	{"BackupFunction", "backup/events/redrive.json", `{"batchItemFailures":[]}`},
	{"SettleFunction", "settle/events/task.json", `"phase":"Completed"`},
	{"WatchdogFunction", "watchdog/events/settling.json", `"looked":0`},
	{"WatchdogFunction", "watchdog/events/sweep.json", `"looked":0,"paid":0`},
	{"WatchdogFunction", "watchdog/events/console.json", `"looked":1,"paid":0`},
	{"WatchdogFunction", "watchdog/events/wake.json", `{"batchItemFailures":[]}`},
	{"ExpireFunction", "expire/events/expire.json", `"deleted":[]`},
	{"ExpireFunction", "expire/events/collect.json", `"repositories":1`},
	{"ExpireFunction", "expire/events/machine.json", `"deleted":[]`},
	{"SearchFunction", "search/events/api.json", `"statusCode":200`},
	{"SearchFunction", "search/events/console.json", `"name":"nightly-20261125t020000z"`},
	{"SearchFunction", "search/events/calendar.json", `"zone":"Europe/Berlin"`},
	{"SyncFunction", "sync/events/console.json", `{"bucket":{`},
	{"SyncFunction", "sync/events/sweep.json", `"manifests":5,"imported":0`},
	{"SyncFunction", "sync/events/export.json", `null`},
	{"RestoreFunction", "restore/events/console.json", `"phase":"Completed"`},
	{"RestoreFunction", "restore/events/as-of.json", `"phase":"Completed"`},
	{"RestoreFunction", "restore/events/task.json", `"phase":"Completed"`},
	{"RestoreFunction", "restore/events/redrive.json", `{"batchItemFailures":[]}`},
	{"ApiFunction", "api/events/sweep.json", `{"checked":1`},
	{"ApiFunction", "api/events/create-backup.json", `"statusCode":202`},
	{"ApiFunction", "api/events/get-backup.json", `"statusCode":200`},
	{"ApiFunction", "api/events/put-rule.json", `"statusCode":201`},
}

func TestSampleEventsWorkAsTheyStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(namespaceKind, "", "shop", "")
	w.put(configMapKind, "shop", "settings", `,"data":{"v":"1"}`)
	t.Cleanup(func() {
		for _, ns := range []string{"shop", "shop-copy"} {
			_ = w.kube.Delete(context.Background(), namespaceKind, "", ns, kube.DeleteOptions{})
		}
	})
	w.nightly("shop")
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "functions", "*", "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sampleEvents {
		path := filepath.Join(root, "functions", s.event)
		files = slices.DeleteFunc(files, func(f string) bool { return f == path })
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := w.Invoke(s.function, string(data))
		if r.Err() != nil || !strings.Contains(string(r.Payload), s.says) {
			t.Errorf("%s is answered %v %s, want %s", s.event, r.Err(), r.Payload, s.says)
		}
	}
	if len(files) > 0 {
		t.Errorf("no test sends %v", files)
	}
	w.Machine.Idle()
}

// nightly makes a schedule of that name for a namespace.
func (w *world) nightly(ns string) {
	w.t.Helper()
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"nightly"},"spec":{"daily":{"times":["02:00"]}}}`)
	w.create("schedules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":"nightly"},"spec":{"policy":"nightly",
		"template":{"labels":{"app":"shop"},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":[%q]}}}}}`, ns))
}

// What a function can't understand is an error that says what to send instead.
func TestEventsThatAskForNothingAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for event, says := range map[string]string{
		`{}`:                          "events/ has samples",
		`[1,2]`:                       "not a JSON object",
		`{"schedule":"nightly"}`:      "which time",
		`{"job":"Backup","name":"b"}`: "does not name its backup",
		`{"job":"Mow","name":"b"}`:    "there is no job",
		`{"job":"Backup","clusterID":"c","name":"b","x":1}`: "unknown field",
		`{"apiVersion":"salvor.io/v1","kind":"Backup"}`:     "metadata.name",
		`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"b"},"spec":{"cluster":"prod","location":"bucket","schedule":"nightly","scheduledFor":"2026-11-22T02:00:00Z","scope":{"namespaces":["x"]}}}`: "only a schedule sets it",
		`{"schedule":"x","scheduledFor":"2026-01-01T00:00:00Z"}`:                                                                                  `"x" not found`,
		`{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r"},"spec":{"sourceCluster":"c","backup":"b","targetCluster":"prod"}}`: "makes backups",
	} {
		r := w.Invoke("BackupFunction", event)
		if r.Error == "" || !strings.Contains(string(r.Payload), strings.ReplaceAll(says, `"`, `\"`)) {
			t.Errorf("%s is answered %q %s, want %s", event, r.Error, r.Payload, says)
		}
	}
	for event, says := range map[string]string{
		`{}`:                    "events/ has samples",
		`{"sweep":false}`:       "events/ has samples",
		`{"thaw":{"name":"b"}}`: "events/ has samples",
		`{"sweep":true,"thaw":{"clusterID":"c","name":"b"}}`: "events/ has samples",
		`{"mow":true}`: "unknown field",
	} {
		r := w.Invoke("WatchdogFunction", event)
		if r.Error == "" || !strings.Contains(string(r.Payload), says) {
			t.Errorf("%s is answered %q %s, want %s", event, r.Error, r.Payload, says)
		}
	}
}
