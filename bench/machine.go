package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// machine says in a line where the numbers were taken.
func machine() string {
	return fmt.Sprintf("%d x %s, %s of memory, %s %s, %s", runtime.NumCPU(), processor(), memory(), runtime.GOOS, release(), runtime.Version())
}

var modelName = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)

func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(data); m != nil {
		return strings.Join(strings.Fields(string(m[1])), " ")
	}
	return runtime.GOARCH
}

var memTotal = regexp.MustCompile(`(?m)^MemTotal:\s*(\d+) kB$`)

func memory() string {
	data, _ := os.ReadFile("/proc/meminfo")
	m := memTotal.FindSubmatch(data)
	if m == nil {
		return "unknown size"
	}
	kib, _ := strconv.ParseInt(string(m[1]), 10, 64) // digits
	return fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
}

func release() string {
	data, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(data))
}

// version is the commit that is measured, and whether the checkout has changes, other than results.
func version(ctx context.Context, root string) string {
	commit, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changes, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain", "--", ":!bench/latest.json").Output()
	if err != nil || len(changes) > 0 {
		return strings.TrimSpace(string(commit)) + ", changed"
	}
	return strings.TrimSpace(string(commit))
}
