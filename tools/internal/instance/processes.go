package instance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes returns the ids of the instance's processes by the names of their
// programs. Of a program that runs several times it is any.
func (s State) Processes() (map[string]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("listing the processes: %w", err)
	}
	parents := map[int]int{}
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			parents[pid] = parent(pid)
		}
	}
	found := map[string]int{}
	for pid := range parents {
		if pid != s.Guard && descends(parents, pid, s.Guard) {
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			name, _, _ := bytes.Cut(line, []byte{0})
			if err == nil && len(name) > 0 {
				found[filepath.Base(string(name))] = pid
			}
		}
	}
	return found, nil
}

func descends(parents map[int]int, pid, from int) bool {
	for ; pid > 0; pid = parents[pid] {
		if pid == from {
			return true
		}
	}
	return false
}

// parent returns the parent of a process, or 0 if it is gone.
func parent(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the command, which may hold spaces and brackets: state, parent.
	_, rest, _ := cutLast(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.Atoi(fields[1]) // digits
	return id
}
