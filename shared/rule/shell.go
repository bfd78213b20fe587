package rule

import (
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// guard runs a line in a shell of its own and ends it, with all that it started, when standard input ends: that is
// when the connection does, because Salvor left the command behind or died itself. Kubernetes has no other way to end
// a command. TERM comes first, KILL three seconds later; see ending.
//
// It takes nothing but a POSIX shell; sleep may be missing. It relies on runc's giving every exec a process group of
// its own, and looks first: elsewhere the line runs unguarded. When the line ends by itself, what it left running in
// the background stays.
const guard = ending + greet + `read -r p c s o g x 2>/dev/null </proc/$$/stat
[ "$g" = $$ ] || exec /bin/sh -c "$1" 3<&-
trap : TERM
trap told=yes USR1
{ trap "" TERM; read -r me x </proc/self/stat; read -r x <&3; kill -USR1 $$; end; } >/dev/null 2>&1 &
/bin/sh -c "$1" 3<&-
c=$?
trap "" TERM USR1
{ [ -n "$told" ] || kill -9 $!; wait $!; } 2>/dev/null
exit $c`

// ending ends the process group of a guard. Process 1 of a container may be a server that takes a process that falls to
// it, because its parent is gone, for one of its own: PostgreSQL ends all sessions if such a one ends with another exit code
// than 0 or 1. So the guard outlives what it ends and waits for it, and as far as possible so do the shells in between: TERM
// lets a line wait (see patient), KILL takes those that have no children in the group, and a second later all. What falls to
// process 1 all the same is what a line has left in the background, or in a subshell that doesn't wait, and what is left for
// the second KILL.
//
// rest sends a signal to the members of the group that live, but for the guard and the process $me, or only to those without
// children if $2 is leaves. It returns an error if there are none. A group is told by /proc, without which there is no guard.
const ending = `pause() { sleep "$1" & s=$!; wait "$s"; }
rest() {
all= parents=
for d in /proc/[0-9]*; do
read -r x <"$d/stat" || continue
set -- "$1" "$2" "${d#/proc/}" ${x##*) }
[ "$6" = $$ ] && [ "$4" != Z ] || continue
case "$3" in $$|"$me") ;; *) all="$all $3" ;; esac
[ "$2" = leaves ] && parents="$parents $5 "
done
for i in $all; do
case "$parents" in *" $i "*) ;; *) kill -"$1" "$i" ;; esac
done
[ -n "$all" ]
}
end() {
kill 0
pause 1
rest 0 || return
pause 2
rest 9 leaves || return
pause 1
rest 9
}
`

// fed is guard for a command that has an input, $1 lines of it, which come over standard input before its end. $2 is
// "hold" for a background command: its input stays open behind them, and ends with the next line of standard input, or
// with standard input, or after $3 seconds, if that is not 0; what does not end then within two seconds is ended as by guard.
// $4, if set, is a file for WAIT_CMD, $5 what to say when that runs. The rest is the argv.
//
// When a background command has ended, what it left running gets TERM, and KILL three seconds later: it may hold what the
// command held.
//
// One process gives the command its input, a sleep measures its time. The parent of both ends the one with the other, and the
// command after them; USR1 tells it that the command has ended, maybe before it has noted the last of its children: that is $!
// then. None keeps an output open, for the exec lasts as long as anything does. TERM finds a process that the shell has just
// made with the trap of the shell, and is lost on it. So the command begins only when that parent can be told, and the sleep
// gets KILL, which nothing misses.
const fed = ending + greet + `n=$1 hold=$2 life=$3 wait=$4 mark=$5
shift 5
read -r p c s o g x 2>/dev/null </proc/$$/stat
feed() { while [ "$n" -gt 0 ] && IFS= read -r x; do n=$((n-1)); printf '%s\n' "$x"; done <&3; }
if [ "$g" != $$ ]; then
[ "$hold" = hold ] && { echo "the command has no process group of its own and could not be ended" >&2; exit 125; }
feed | "$@" 3<&-
exit $?
fi
exec 4>&2 2>/dev/null
trap : TERM
if [ -n "$wait" ]; then
(exec 2>&4; umask 0; set -C; : >"$wait" && printf '#!/bin/sh\ns=%s g=%s\n%s\n' "$wait" $$ "$waiter" >"$wait.sh" && { chmod 755 "$wait.sh" || :; }) || exit 125
{ trap "exit 0" TERM; while read -r x <"$wait"; [ "$x" != ready ]; do [ -f "$wait" ] || exit 0; sleep 0.1 || sleep 1; done; printf '%s\n' "$mark" >&4; } 3<&- >/dev/null &
m=$!
fi
{
exec 4>&-
s= f=
trap : TERM
trap 'kill -9 $s $f $!; wait; exit 0' USR1
read -r me x </proc/self/stat
[ "$life" -gt 0 ] && { sleep "$life" >/dev/null 3<&- & s=$!; }
{ trap "" PIPE; echo "$me"; feed
[ "$hold" = hold ] || exec >/dev/null
while read -r x <&3 && [ "$hold" != hold ]; do :; done
kill -9 $s; } & f=$!
exec >/dev/null
wait ${s:-$f}
kill -9 $f $s
wait
f=
[ "$hold" = hold ] && { [ -f "$wait" ] && echo end >"$wait"; pause 2; }
end
} | {
trap : TERM
read -r me
"$@" 2>&4 3<&- 4>&-
c=$?
kill -USR1 "$me"
exit $c
}
c=$?
[ -n "$wait" ] && { rm -f "$wait" "$wait.sh"; kill $m; }
wait
[ "$hold" = hold ] && rest 0 && end
exit $c`

// waiter is the program that WAIT_CMD names. It says in the file $s that it runs, and returns when the file says so, or
// when the guard, process $g, is gone.
const waiter = `trap "exit 0" TERM
read -r x <$s
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

// patient is put before every line: a shell that gets TERM waits for what it has begun, which gets TERM as well.
const patient = "trap 'wait; exit 143' TERM; "

// exported puts the variables before a line, on the line itself: messages of the shell name line numbers.
func exported(line string, env []salvor.EnvVar) string {
	var b strings.Builder
	b.WriteString(patient)
	for _, e := range env {
		b.WriteString("export " + e.Name + "=" + quote(e.Value) + "; ")
	}
	return b.String() + line
}

// quote makes one word of a text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
