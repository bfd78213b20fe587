package instance

import (
	"fmt"
	"os"
	"strings"
)

// StartTime returns when a process began, in clock ticks since boot: with the
// process id it names one process for good. Empty when there is no such process.
func StartTime(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field, the command, may hold spaces and brackets: count after it.
	_, rest, ok := cutLast(string(raw), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19] // field 22 of proc(5)
}

// GuardAlive reports whether the guard that wrote s is still that process.
func (s State) GuardAlive() bool {
	return s.Guard > 0 && s.GuardStart != "" && StartTime(s.Guard) == s.GuardStart
}

// Abandoned reports whether the process that s lived for is gone: then nobody
// will ask what became of it.
func (s State) Abandoned() bool {
	return s.Watch > 0 && StartTime(s.Watch) != s.WatchStart
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
