package rule

// guard runs a line in a shell of its own and ends it, with all that it started, when standard input ends: that is
// when the connection does, because Salvor left the command behind or died itself. Kubernetes has no other way to end
// a command. TERM comes first, KILL three seconds later.
//
// It takes nothing but a POSIX shell; sleep may be missing. It relies on runc's giving every exec a process group of
// its own, and looks first: elsewhere the line runs unguarded. When the line ends by itself, what it left running in
// the background stays.
const guard = `exec 3<&0 </dev/null
read -r p c s o g x </proc/$$/stat 2>/dev/null
if [ "$g" = "$$" ]; then
(trap "" TERM; read -r x <&3; kill 0; sleep 3; kill -9 0) >/dev/null 2>&1 &
else
exec /bin/sh -c "$1" 3<&-
fi
/bin/sh -c "$1" 3<&-
c=$?
kill -9 $! 2>/dev/null
exit $c`

// shell returns the argv that runs a line under guard. Its standard input has to stay open while it runs.
func shell(line string) []string { return []string{"/bin/sh", "-c", guard, "/bin/sh", line} }
