package databases_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// extras are what single databases have to show besides.
var extras = map[string]map[string]func(*testing.T, *lab, database){
	"postgresql": {
		"a checkpoint is made":                         checkpoint,
		"no transaction of an application is aborted":  deadlock,
		"a base backup recovers, though nothing waits": baseBackup,
		"no command of a rule falls to the server":     outOfTime(crash),
		"no rule was taken for a crash":                neverCrashed,
	},
	"redis": {
		"a save has all that was written before": save,
		"the thaw can be repeated":               thawTwice,
		"no command falls to the server":         outOfTime("unmatched pid"),
	},
}

// outOfTime ends a command of a rule at its timeout: the server, which is process 1, must not complain that it fell to it.
func outOfTime(complaint string) func(*testing.T, *lab, database) {
	return func(t *testing.T, l *lab, d database) {
		complaints := func() int {
			return strings.Count(l.Kubectl(t, "logs", "db", "-n", d.namespace, "-c", "server"), complaint)
		}
		before := complaints()
		hangs := l.ready(t, "postgresql-checkpoint")
		hangs.Spec.SubRules = []salvor.SubRule{{
			PodSelectors: []metav1.LabelSelector{{}},
			Actions:      []salvor.Action{{Container: "server", Shell: "sleep 60; :", Timeout: metav1.Duration{Duration: 2 * time.Second}}},
		}}
		out, err := l.home(t, hangs).run(backUp("hangs", d.namespace, hangs.Name, "")...)
		if err == nil || !strings.Contains(out, "timed out after 2s") {
			t.Errorf("the backup says %v\n%s", err, out)
		}
		if n := complaints() - before; n > 0 {
			t.Errorf("it complained %d times", n)
		}
	}
}

// neverCrashed looks whether what was run until now has made the server end its sessions.
func neverCrashed(t *testing.T, l *lab, d database) {
	if said := l.Kubectl(t, "logs", "db", "-n", d.namespace, "-c", "server"); strings.Contains(said, crash) {
		t.Errorf("it said:\n%s", said)
	}
}

// crash is what PostgreSQL says when it takes a process for one of its own that has crashed.
const crash = "terminating any other active server processes"

func checkpoint(t *testing.T, l *lab, d database) {
	count := func() string {
		return l.sh(t, d.namespace, "server", `PGPASSWORD="$POSTGRES_PASSWORD" psql -XqAtw -U postgres -c 'SELECT checkpoints_req FROM pg_stat_bgwriter'`)
	}
	before := seconds(t, count())
	h := l.home(t, l.ready(t, "postgresql-checkpoint"))
	if out, err := h.run(backUp("b", d.namespace, "postgresql-checkpoint", "")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for end := time.Now().Add(time.Minute); seconds(t, count()) <= before; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server counts no checkpoint")
		}
	}
}

// deadlock holds a database while transactions of an application lock its tables in another order than the rule, and take
// longer than deadlock_timeout: those that wait for the rule find a deadlock if it still waits for them.
func deadlock(t *testing.T, l *lab, d database) {
	const client = `PGPASSWORD="$POSTGRES_PASSWORD" psql -XqAtw -U postgres -d shop -v ON_ERROR_STOP=1`
	l.sh(t, d.namespace, "server", client+` -c 'CREATE TABLE a (n int)' -c 'CREATE TABLE b (n int)'`)
	var said string
	var application errgroup.Group
	application.Go(func() (err error) {
		said, err = l.try(t, d.namespace, "server", `for i in 1 2 3; do `+client+` 2>&1 <<END || exit 0
BEGIN;
INSERT INTO b VALUES (1);
SELECT pg_sleep(1.5) \g /dev/null
INSERT INTO a VALUES (1);
COMMIT;
END
done; echo committed`)
		return err
	})
	time.Sleep(300 * time.Millisecond)
	h := l.home(t, l.ready(t, "postgresql-hold"))
	if out, err := h.run(backUp("b", d.namespace, "postgresql-hold", "")...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := application.Wait(); err != nil || said != "committed" {
		t.Errorf("the application was told: %s %v", said, err)
	}
}

var label = regexp.MustCompile(`(?s)backup_label:\n(.*)\ntablespace_map:\n`)

// baseBackup copies the files while they are written to, and recovers what was acknowledged before, with the label in the
// report and the archive.
func baseBackup(t *testing.T, l *lab, d database) {
	r := d.witness(l.ready(t, "postgresql-base-backup"), "base-backup", "rm -rf /data/copy; mkdir /data/copy; cp -a /data/db /data/copy/")
	h := l.home(t, r)
	if out, err := h.run(backUp("b", d.namespace, r.Name, "")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	times := d.frozen(t, l, "base-backup")
	if longest := d.longestPause(t, l, times[0], times[1]); longest > 5 {
		t.Errorf("a client waited for %.1f s", longest)
	}
	found := label.FindStringSubmatch(printed(t, h.report("b")))
	if found == nil {
		t.Fatalf("no label in\n%s", h.report("b"))
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		// The segment in which the backup ended has to be in the archive; its name is in what pg_backup_stop leaves there.
		if l.sh(t, d.namespace, "server", `for f in /data/archive/*.backup; do [ ! -e "$f" ] || [ ! -e "/data/archive/$(sed -n 's/^STOP WAL.*file \(.*\))/\1/p' "$f")" ] || echo there; done`) != "" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the WAL was not archived")
		}
	}
	read := l.sh(t, d.namespace, "writer", fmt.Sprintf(`cd /data/copy/db; rm -rf pg_wal/*; mkdir -p pg_wal/archive_status; touch recovery.signal; cat >backup_label <<'END'
%sEND
echo "restore_command = 'cp /data/archive/%%f %%p'" >>postgresql.auto.conf
%s`, found[1], "at=/data/copy; "+startPostgreSQL+`until [ "$(psql -h /tmp/copy -XqAtw -c 'SELECT pg_is_in_recovery()')" = f ]; do sleep 0.1; done; `+countPostgreSQL))
	got := d.counts(t, read)
	for by, want := range d.acknowledged(t, l, times[1]) {
		if got[by] < want {
			t.Errorf("recovered were %d writes of client %s, of which %d were acknowledged before the end of the backup", got[by], by, want)
		}
	}
	l.sh(t, d.namespace, "writer", "rm -rf /data/copy")
}

// printed is the standard output of all actions of a report.
func printed(t *testing.T, report string) string {
	t.Helper()
	var all strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if s, ok := e.(string); ok && k == "stdout" {
					all.WriteString(s)
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	var v any
	if err := json.Unmarshal([]byte(report), &v); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	walk(v)
	return all.String()
}

func save(t *testing.T, l *lab, d database) {
	from := d.now(t, l)
	h := l.home(t, l.ready(t, "redis-save"))
	if out, err := h.run(backUp("b", d.namespace, "redis-save", "")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := d.acknowledged(t, l, from)["set"]
	read := l.sh(t, d.namespace, "server", "rm -rf /data/copy; mkdir /data/copy; cp /data/dump.rdb /data/copy/; at=/data/copy; "+d.reads+"; rm -rf /data/copy")
	if got := d.counts(t, read)["set"]; got < want {
		t.Errorf("the save has %d writes, of %d that were acknowledged before", got, want)
	}
}

// thawTwice lifts a pause that nobody else would, and then again what is not held.
func thawTwice(t *testing.T, l *lab, d database) {
	h := l.home(t, l.ready(t, "redis-thaw"))
	paused := seconds(t, l.sh(t, d.namespace, "server", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli client pause 100000 write >&2; sleep 0.3; date +%s.%N`))
	for _, name := range []string{"first", "second"} {
		if out, err := h.run(backUp(name, d.namespace, "", "redis-thaw")...); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	d.goesOn(t, l, paused)
}
