package rule

import (
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// guard runs a line in a shell of its own and ends it, with all that it started, when standard input ends: that is
// when the connection does, because Salvor left the command behind or died itself. Kubernetes has no other way to end
// a command. TERM comes first, KILL three seconds later.
//
// It begins with the line goOn: an API server or a node that answers late may start what was given up long ago, and
// nobody sends it that line.
//
// It takes nothing but a POSIX shell; sleep may be missing. It relies on runc's giving every exec a process group of
// its own, and looks first: elsewhere the line runs unguarded. When the line ends by itself, what it left running in
// the background stays.
const guard = `exec 3<&0 </dev/null
read -r x <&3 || exit 1
read -r p c s o g x 2>/dev/null </proc/$$/stat
if [ "$g" = "$$" ]; then
(trap "" TERM; read -r x <&3; kill 0; sleep 3; kill -9 0) >/dev/null 2>&1 &
else
exec /bin/sh -c "$1" 3<&-
fi
/bin/sh -c "$1" 3<&-
c=$?
kill -9 $! 2>/dev/null
exit $c`

// goOn is the line of standard input that guard and fed wait for.
const goOn = "go\n"

// fed is guard for a command that has an input, $1 lines of it, which come over standard input before its end. $2 is
// "hold" for a background command: its input stays open behind them, and ends with the next line of standard input, or
// with standard input; what does not end then within two seconds gets TERM, and KILL three seconds later. All of it gets
// that after $3 seconds whatever happens, if that is not 0. $4, if set, is a file for WAIT_CMD, $5 what to say when that
// runs. The rest is the argv.
//
// When the command has ended, what it left running gets TERM, and of a background command KILL three seconds later: it may
// hold what the command held.
//
// Those that wait for the end of the input and for the end of the time are processes of the group that they end. They
// keep no output open, for the exec lasts as long as anything does. The command begins when the first of them has said
// so: TERM finds a process that the shell has just made with the trap of the shell, which would outlive it.
const fed = `exec 3<&0 </dev/null
n=$1 hold=$2 life=$3 wait=$4 mark=$5
shift 5
read -r x <&3 || exit 1
read -r p c s o g x 2>/dev/null </proc/$$/stat
feed() { while [ "$n" -gt 0 ] && IFS= read -r x; do n=$((n-1)); printf '%s\n' "$x"; done <&3; }
if [ "$g" != "$$" ]; then
[ "$hold" = hold ] && { echo "the command has no process group of its own and could not be ended" >&2; exit 125; }
feed | "$@" 3<&-
exit $?
fi
exec 4>&2 2>/dev/null
finish() { trap "" TERM; (sleep 3; kill -9 0) & kill -TERM 0; exit; }
if [ -n "$wait" ]; then
(exec 2>&4; umask 0; set -C; : >"$wait" && printf '#!/bin/sh\ns=%s g=%s\n%s\n' "$wait" $$ "$waiter" >"$wait.sh" && { chmod 755 "$wait.sh" || :; }) || exit 125
(while read -r x <"$wait"; [ "$x" != ready ]; do sleep 0.1 || sleep 1; done; printf '%s\n' "$mark" >&4) 3<&- >/dev/null &
fi
[ "$life" -gt 0 ] && (sleep "$life"; finish) >/dev/null 3<&- 4>&- &
trap : TERM
(exec 4>&-; trap "" PIPE; echo; feed
[ "$hold" = hold ] || exec >/dev/null
while read -r x <&3 && [ "$hold" != hold ]; do :; done
exec >/dev/null
[ "$hold" = hold ] && { [ -f "$wait" ] && echo end >"$wait"; sleep 2; }
finish) | (trap : TERM; read -r x
"$@" 2>&4 3<&- 4>&-
c=$?
[ -n "$wait" ] && rm -f "$wait" "$wait.sh"
trap "" TERM
[ "$hold" = hold ] && (sleep 3; kill -9 0) </dev/null >/dev/null 3<&- 4>&- &
kill -TERM 0
exit $c)`

// waiter is the program that WAIT_CMD names. It says in the file $s that it runs, and returns when the file says so, or
// when the guard, process $g, is gone.
const waiter = `read -r x <$s
[ "$x" = end ] && exit 0
echo ready >$s
while [ -d /proc/$g ]; do
read -r x <$s
[ "$x" = end ] && exit 0
sleep 0.1 2>/dev/null || sleep 1
done`

// preflight finds out, before anything is frozen, whether a container can have a background command. $1 is a name for
// files that no other uses; empty, if none are needed. It prints a directory for them, and whether programs there can be
// run (exec) or only be read by a shell (sh).
const preflight = `read -r p c s o g x 2>/dev/null </proc/$$/stat
[ "$g" = "$$" ] || { echo "commands have no process group of their own, so this one could not be ended" >&2; exit 1; }
sleep 0 || { echo "there is no sleep, so the command would not end by itself" >&2; exit 1; }
[ -n "$1" ] || exit 0
for d in /tmp /dev/shm /var/tmp /run; do
f=$d/$1
(set -C; printf '#!/bin/sh\nexit 0\n' >"$f") 2>/dev/null || continue
how=sh
chmod 755 "$f" 2>/dev/null && "$f" 2>/dev/null && how=exec
rm -f "$f"
echo "$d $how"
exit 0
done
echo "no directory can be written to, of /tmp, /dev/shm, /var/tmp and /run" >&2
exit 1`

// shell returns the argv that runs a line under guard. Its standard input has to stay open while it runs.
func shell(line string) []string { return []string{"/bin/sh", "-c", guard, "/bin/sh", line} }

// keep is how a command under fed is kept up.
type keep struct {
	hold     bool
	lifetime time.Duration
	// wait is the file for WAIT_CMD, mark the line of standard error that says that it runs.
	wait, mark string
}

// feeding returns the argv that runs argv under fed with an input of so many lines.
func feeding(lines int, k keep, argv []string) []string {
	hold := ""
	if k.hold {
		hold = "hold"
	}
	script := fed
	if k.wait != "" {
		script = "waiter=" + quote(waiter) + "\n" + fed
	}
	seconds := strconv.Itoa(int((k.lifetime + time.Second - 1) / time.Second))
	return append([]string{"/bin/sh", "-c", script, "/bin/sh", strconv.Itoa(lines), hold, seconds, k.wait, k.mark}, argv...)
}

// inputText ends the text with a line break, and counts its lines.
func inputText(s string) (string, int) {
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s, strings.Count(s, "\n")
}

// argv is the command of an action or a probe as a container runs it, with its variables.
func argv(line string, command []string, env []salvor.EnvVar) []string {
	if line != "" {
		return []string{"/bin/sh", "-c", exported(line, env)}
	}
	if len(env) == 0 {
		return command
	}
	with := []string{"env"}
	for _, e := range env {
		with = append(with, e.Name+"="+e.Value)
	}
	return append(with, command...)
}

// exported puts the variables before a line, on the line itself: messages of the shell name line numbers.
func exported(line string, env []salvor.EnvVar) string {
	var b strings.Builder
	for _, e := range env {
		b.WriteString("export " + e.Name + "=" + quote(e.Value) + "; ")
	}
	return b.String() + line
}

// quote makes one word of a text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
