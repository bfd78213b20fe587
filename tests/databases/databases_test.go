package databases_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// database is a server with clients that write.
type database struct {
	namespace string
	// holds are the rules that let no write be acknowledged, thaw the post-exec rule that goes with them, if one does.
	holds []string
	thaw  string
	// clients are the names of those that write.
	clients []string
	// password is the variable of the container with the password, refusal what the server says to another one.
	password, refusal string
	// after is how long a hold may outlast its rule when nobody ends it, in seconds.
	after float64
	// end ends the session of the hold.
	end string
	// reads starts a server on the copy of /data that is at $at, and prints for each client its name, the number of its writes,
	// and the last of them.
	reads string
	// user runs it.
	user int
}

var databases = []database{
	{
		namespace: "postgresql", holds: []string{"postgresql-hold"}, clients: []string{"shop", "ledger"},
		password: "POSTGRES_PASSWORD", refusal: "password authentication failed", after: 1,
		end: `PGPASSWORD="$POSTGRES_PASSWORD" psql -XqAtw -U postgres -c ` +
			`"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'ShareLock' AND locktype = 'relation'"`,
		reads: startPostgreSQL + countPostgreSQL, user: 999,
	},
	{
		namespace: "mariadb", holds: []string{"mysql-read-lock", "mariadb-backup-stage"}, clients: []string{"InnoDB", "Aria"},
		password: "MARIADB_ROOT_PASSWORD", refusal: "Access denied", after: 1,
		end: `MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -u root -BN -e ` +
			`"SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE db IS NULL AND command = 'Sleep'" >/tmp/kill; ` +
			`MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -u root </tmp/kill`,
		reads: readMariaDB, user: 998,
	},
	{
		namespace: "redis", holds: []string{"redis-hold"}, thaw: "redis-thaw", clients: []string{"set"},
		password: "REDIS_PASSWORD", refusal: "WRONGPASS", after: 11,
		reads: "redis-server --bind 127.0.0.1 --port 7000 --dir $at --save '' --daemonize yes >/dev/null; " + countKeys, user: 997,
	},
	{
		namespace: "redis-aof", holds: []string{"redis-hold"}, thaw: "redis-thaw", clients: []string{"set"},
		password: "REDIS_PASSWORD", refusal: "WRONGPASS", after: 11,
		reads: "redis-server --bind 127.0.0.1 --port 7000 --dir $at --save '' --appendonly yes --daemonize yes >/dev/null; " + countKeys, user: 997,
	},
}

// What reads a copy. Recovery of PostgreSQL has ended when a server is ready.
const (
	startPostgreSQL = `export PGPASSWORD="$POSTGRES_PASSWORD" PGUSER=postgres; cd $at/db; rm -f postmaster.pid; mkdir -p /tmp/copy; ` +
		`pg_ctl -D . -w -l /tmp/copy/log -o "-c unix_socket_directories=/tmp/copy -c listen_addresses= -c archive_mode=off -c fsync=off" start >/dev/null || { cat /tmp/copy/log; exit 1; }; `
	countPostgreSQL = `count() { PGDATABASE=$1 psql -h /tmp/copy -XqAtwF ' ' -c 'SELECT count(*), max(n) FROM orders'; }; ` +
		`echo "shop $(count shop)"; echo "ledger $(count 'led=ger x')"; pg_ctl -D . -m immediate stop >/dev/null`
	readMariaDB = `export MYSQL_PWD="$MARIADB_ROOT_PASSWORD"; mkdir -p /tmp/copy; cd /tmp/copy; ` +
		`mariadbd --no-defaults --datadir=$at/db --skip-networking --socket=/tmp/copy/sock --pid-file=/tmp/copy/pid >log 2>&1 & ` +
		`m="mariadb --no-defaults -u root -S /tmp/copy/sock -BN"; i=0; until $m -e 'DO 0' 2>/dev/null; do i=$((i + 1)); [ $i -lt 150 ] || { cat log; exit 1; }; sleep 0.2; done; ` +
		`$m -e "SELECT 'InnoDB', count(*), max(n) FROM shop.InnoDB; SELECT 'Aria', count(*), max(n) FROM shop.Aria" | tr '\t' ' '; kill -9 $(cat pid)`
	// Keys are no numbers in a row for Redis: as many as the number of the last of them are all.
	countKeys = `until [ "$(redis-cli -p 7000 ping)" = PONG ]; do sleep 0.1; done; n=$(redis-cli -p 7000 dbsize); ` +
		`echo "set $n $(redis-cli -p 7000 exists order-$n | sed "s/1/$n/")"; redis-cli -p 7000 shutdown nosave`
)

func TestRulesOfDatabases(t *testing.T) {
	l := newLab(t)
	begun := time.Now()
	l.deploy(t)
	t.Logf("the databases run after %s", time.Since(begun))
	for _, d := range databases {
		t.Run(d.namespace, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					said, _ := l.TryKubectl(context.Background(), "logs", "db", "-n", d.namespace, "--all-containers", "--tail=50")
					t.Log(said)
				}
			})
			for i, hold := range d.holds {
				t.Run(hold, func(t *testing.T) {
					t.Run("nothing is acknowledged in the freeze", func(t *testing.T) { d.holdsWrites(t, l, hold) })
					t.Run("it ends when Salvor is killed", func(t *testing.T) { d.outlivesSalvor(t, l, hold) })
					if i == 0 { // it takes its time, and another hold of the same database ends alike
						t.Run("it ends by itself when Salvor hangs", func(t *testing.T) { d.endsByItself(t, l, hold) })
					}
					t.Run("a wrong password fails before the freeze", func(t *testing.T) { d.refuses(t, l, hold) })
					if d.end != "" {
						t.Run("a session that is lost makes the cut void", func(t *testing.T) { d.losesSession(t, l, hold) })
					}
				})
			}
			for name, extra := range extras[d.namespace] {
				t.Run(name, func(t *testing.T) { extra(t, l, d) })
			}
		})
	}
}

// holdsWrites makes a backup. A server on the restored volume starts, and has every write that was acknowledged before the
// freeze and none after.
func (d database) holdsWrites(t *testing.T, l *lab, hold string) {
	h := l.home(t, d.witness(l.ready(t, hold), hold, ""), l.ready(t, "redis-thaw"))
	out, err := h.run(append(backUp("held", d.namespace, hold, d.thaw), "--kinds", "persistentvolumeclaims")...)
	if err != nil || !strings.Contains(out, "Completed") || !strings.Contains(out, "frozen") {
		t.Fatalf("%v\n%s", err, out)
	}
	times := d.frozen(t, l, hold)
	if len(times) != 2 {
		t.Fatalf("the freeze was %v", times)
	}
	d.heldBetween(t, l, times[0], times[1])
	t.Logf("held for %.1f s; the last client went on after %.1f s", times[1]-times[0], d.goesOn(t, l, times[1])-times[1])
	d.isRestored(t, h, hold, d.acknowledged(t, l, times[0]))
}

// begin makes a backup in a process of its own, and returns when its freeze has begun.
func (d database) begin(t *testing.T, l *lab, r *salvor.Rule, file string) (p *process, from float64) {
	h := l.home(t, d.witness(r, file, "sleep 60"), l.ready(t, "redis-thaw"))
	p = &process{T: t, cmd: h.command(backUp("b", d.namespace, r.Name, d.thaw)...)}
	p.start()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if times := d.frozen(t, l, file); len(times) > 0 {
			return p, times[0]
		}
	}
	t.Fatalf("no freeze within half a minute\n%s", &p.out)
	return nil, 0
}

func (d database) outlivesSalvor(t *testing.T, l *lab, hold string) {
	p, from := d.begin(t, l, l.ready(t, hold), hold+"-killed")
	killed := d.now(t, l)
	p.signal(syscall.SIGKILL)
	d.heldBetween(t, l, from, killed)
	if took := d.goesOn(t, l, killed) - killed; took > 5 {
		t.Errorf("clients waited for another %.1f s", took)
	}
}

// endsByItself stops Salvor without ending it: its connection stays open, and nothing tells the rule to end.
func (d database) endsByItself(t *testing.T, l *lab, hold string) {
	const lifetime = 12
	r := l.ready(t, hold)
	r.Spec.SubRules[0].Actions[0].Background.Lifetime = metav1.Duration{Duration: lifetime * time.Second}
	p, from := d.begin(t, l, r, hold+"-hangs")
	defer p.signal(syscall.SIGKILL)
	p.signal(syscall.SIGSTOP)
	stopped := d.now(t, l)
	d.heldBetween(t, l, from, stopped)
	went := d.goesOn(t, l, stopped) - from
	if went > lifetime+d.after+2 {
		t.Errorf("clients waited for %.1f s, with a lifetime of %d s", went, lifetime)
	}
	t.Logf("clients went on %.1f s after the freeze had begun", went)
}

// refuses checks that nothing is held when the server lets nobody in, and that nobody learns the password.
func (d database) refuses(t *testing.T, l *lab, hold string) {
	const wrong = "0therPassw0rd"
	r := l.ready(t, hold)
	r.Spec.SubRules[0].Actions[0].Env = []salvor.EnvVar{{Name: d.password, Value: wrong}}
	file := hold + "-refused"
	h := l.home(t, d.witness(r, file, ""), l.ready(t, "redis-thaw"))
	from := d.now(t, l)
	out, err := h.run(backUp("refused", d.namespace, hold, d.thaw)...)
	to := d.now(t, l)
	if err == nil || !strings.Contains(out, d.refusal) {
		t.Errorf("the backup with another password says %v\n%s", err, out)
	}
	if report := h.report("refused"); strings.Contains(out+report, wrong) {
		t.Errorf("the password is in\n%s\n%s", out, report)
	}
	if times := d.frozen(t, l, file); len(times) > 0 {
		t.Errorf("it was frozen at %v", times)
	}
	if longest := d.longestPause(t, l, from, to); longest > 5 {
		t.Errorf("a client waited for %.1f s", longest)
	}
}

// longestPause is the longest time that a client wrote nothing in between the two times.
func (d database) longestPause(t *testing.T, l *lab, from, to float64) float64 {
	t.Helper()
	longest := 0.0
	all := d.writes(t, l)
	for _, by := range d.clients {
		last := from
		for _, w := range all {
			if w.by == by && from <= w.acked && w.acked <= to {
				longest, last = max(longest, w.acked-last), w.acked
			}
		}
		longest = max(longest, to-last)
	}
	return longest
}

func (d database) losesSession(t *testing.T, l *lab, hold string) {
	h := l.home(t, d.witness(l.ready(t, hold), hold+"-lost", d.end))
	out, err := h.run(backUp("lost", d.namespace, hold, "")...)
	if err == nil || !strings.Contains(out, "ended before it was told to") {
		t.Errorf("the backup says %v\n%s", err, out)
	}
	d.goesOn(t, l, d.now(t, l))
}
