package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupMount is where both versions of cgroups are mounted.
const cgroupMount = "/sys/fs/cgroup"

// The controllers a kubelet can't do without.
var neededControllers = []string{"cpu", "cpuset", "memory", "pids"}

// cgroup is the node's own, below which its pods are.
func (n *Node) cgroup() string { return "/salvor-" + n.ID }

// unified reports whether the machine has cgroup version 2 alone. A version 2
// mounted beside version 1 has no controllers, and counts as version 1.
func unified() bool {
	var fs unix.Statfs_t
	return unix.Statfs(cgroupMount, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

// hierarchies returns the directories in which a cgroup has to be made: one in
// version 2, one for each mounted controller in version 1.
func hierarchies() ([]string, error) {
	if unified() {
		return []string{cgroupMount}, nil
	}
	var dirs []string
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, fmt.Errorf("looking for cgroups: %w", err)
	}
	for _, e := range entries {
		dir := filepath.Join(cgroupMount, e.Name())
		// A symlink names a hierarchy that is mounted under another name.
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && e.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

func (n *Node) makeCgroup() error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		own := filepath.Join(dir, n.cgroup())
		if err := os.MkdirAll(own, 0o755); err != nil {
			return fmt.Errorf("making the node's cgroup: %w", err)
		}
		if unified() {
			return delegate(dir, own)
		}
		if err := inheritCPUs(dir, own); err != nil {
			return err
		}
	}
	return nil
}

// delegate hands every controller down to the node's cgroup (version 2).
func delegate(dirs ...string) error {
	for _, dir := range dirs {
		raw, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			return fmt.Errorf("reading the cgroup controllers: %w", err)
		}
		if err := evacuate(dir); err != nil {
			return fmt.Errorf("emptying cgroup %s: %w", dir, err)
		}
		for _, c := range strings.Fields(string(raw)) {
			// One at a time: a controller that can't be had must not cost the others.
			// A needed one that is missing shows in the kubelet's own check.
			_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644)
		}
	}
	return nil
}

// evacuate moves the processes of a cgroup into one below it. A cgroup that
// holds processes can't hand controllers down, save the machine's root, which
// has no cgroup.type. This is for the root that a container sees; every
// container that runs containers does so.
func evacuate(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "cgroup.type")); err != nil {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil || len(raw) == 0 {
		return err
	}
	below := filepath.Join(dir, "init")
	if err := os.MkdirAll(below, 0o755); err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(raw)) {
		// One that ended meanwhile needs no moving.
		_ = os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte(pid), 0o644)
	}
	return nil
}

// inheritCPUs fills in a new cpuset (version 1): an empty one holds no process.
func inheritCPUs(parent, own string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		raw, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another controller
		}
		if err != nil {
			return fmt.Errorf("reading the cpuset: %w", err)
		}
		if err := os.WriteFile(filepath.Join(own, file), raw, 0o644); err != nil {
			return fmt.Errorf("setting the cpuset: %w", err)
		}
	}
	return nil
}

// removeCgroup removes the node's cgroup and those below it. Its processes have
// been killed; the kernel may take a moment to notice.
func (n *Node) removeCgroup() error {
	dirs, err := hierarchies()
	if err != nil {
		return nil // no cgroups, none of ours
	}
	for _, dir := range dirs {
		own := filepath.Join(dir, n.cgroup())
		err := removeTree(own)
		for range 100 {
			if !errors.Is(err, unix.EBUSY) {
				break
			}
			time.Sleep(20 * time.Millisecond)
			err = removeTree(own)
		}
		if err != nil {
			return fmt.Errorf("removing cgroup %s: %w", own, err)
		}
	}
	return nil
}

// removeTree removes directories from the leaves up; the files in a cgroup go
// with it and can't be removed by themselves.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}
