package child

import (
	"os"
	"strings"
)

// tailLines is how much of a log goes into an error: enough for a stack's head.
const tailLines = 12

// Tail returns the last n lines of a file, or nothing if it can't be read.
func Tail(path string, n int) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
