package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Check says everything that keeps this machine from being a node, or nil. What
// it finds missing, the error says how to get.
func Check() error {
	var missing []string
	note := func(format string, args ...any) { missing = append(missing, "  - "+fmt.Sprintf(format, args...)) }
	if os.Geteuid() != 0 {
		note("not root: containers are made by root")
	}
	for _, p := range []string{"containerd", "ctr", "runc", "busybox"} {
		if _, err := findProgram(p); err != nil {
			note("%v: as root, `tools/run setup` installs it", err)
		}
	}
	if _, err := findPlugins(); err != nil {
		note("%v: as root, `tools/run setup` installs it", err)
	}
	if os.Geteuid() == 0 {
		if err := checkCgroups(); err != nil {
			note("%v", err)
		}
		if err := checkNamespaces(); err != nil {
			note("%v", err)
		}
	}
	if missing == nil {
		return nil
	}
	return errors.New("this machine can't run a node:\n" + strings.Join(missing, "\n") +
		"\nwithout --node a cluster works here: a whole API server, but no pods")
}

// checkCgroups makes and removes a cgroup.
func checkCgroups() error {
	dirs, err := hierarchies()
	if err != nil || len(dirs) == 0 {
		return fmt.Errorf("no cgroups mounted at %s", cgroupMount)
	}
	if lacking := lackingControllers(); len(lacking) > 0 {
		return fmt.Errorf("cgroup controllers missing: %s", strings.Join(lacking, ", "))
	}
	for _, d := range dirs {
		probe, err := os.MkdirTemp(d, "salvor-probe-")
		if err != nil {
			return fmt.Errorf("no cgroup can be made (in a container: run it privileged): %w", err)
		}
		if err := os.Remove(probe); err != nil {
			return fmt.Errorf("removing a probe: %w", err)
		}
	}
	return nil
}

func lackingControllers() []string {
	raw, _ := os.ReadFile(filepath.Join(cgroupMount, "cgroup.controllers")) // version 2 only
	have := map[string]bool{}
	for _, c := range strings.Fields(string(raw)) {
		have[c] = true
	}
	var lacking []string
	for _, c := range neededControllers {
		_, err := os.Stat(filepath.Join(cgroupMount, c, "cgroup.procs"))
		if !have[c] && (unified() || err != nil) {
			lacking = append(lacking, c)
		}
	}
	return lacking
}

// checkNamespaces starts a process in namespaces like those of a node.
func checkNamespaces() error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("no namespaces can be made (in a container: run it privileged): %w", err)
	}
	return nil
}
