package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/tests/throwaway"
)

// command is the salvor program with a home of its own.
type command struct{ program, home string }

// newCommand builds salvor, and tells it of the cluster and of a directory to store in.
func (b *bench) newCommand(ctx context.Context, name string, k *throwaway.Kube) (*command, error) {
	c := &command{program: filepath.Join(b.root, "bin", "salvor"), home: filepath.Join(b.dir, name)}
	build := exec.CommandContext(ctx, "make", "build")
	build.Dir, build.Stderr = b.root, os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building salvor: %w", err)
	}
	if err := c.do(ctx, "cluster", "add", "bench", "--kubeconfig", k.Kubeconfig); err != nil {
		return nil, err
	}
	return c, c.do(ctx, "location", "add", "bench", "--dir", filepath.Join(c.home, "location"))
}

// do runs the command with these arguments to its end.
func (c *command) do(ctx context.Context, args ...string) error {
	_, err := c.watched(ctx, func(int) func() float64 { return func() float64 { return 0 } }, args...)
	return err
}

// output runs the command and returns what it printed.
func (c *command) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Env = append(os.Environ(), "SALVOR_HOME="+c.home)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("salvor %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// usage is what one run of the command took.
type usage struct {
	seconds float64
	memory  float64 // the most that was resident, VmHWM, in MiB
}

// run runs the command as do does, and watches its memory, which takes some percent of its time.
func (c *command) run(ctx context.Context, args ...string) (usage, error) {
	return c.watched(ctx, watchMemory, args...)
}

func (c *command) watched(ctx context.Context, watch func(pid int) func() float64, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, c.program, args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "SALVOR_HOME="+c.home, "SALVOR_API="), &out, &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("starting salvor: %w", err)
	}
	memory := watch(cmd.Process.Pid)
	err := cmd.Wait()
	u := usage{seconds: time.Since(begin).Seconds(), memory: memory()}
	if err != nil {
		return u, fmt.Errorf("salvor %s: %w\n%s", strings.Join(args, " "), err, &out)
	}
	return u, nil
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// watchMemory reads the high-water mark of a process until it is gone; the function it returns waits for that and
// returns the mark in MiB. Wait's own maxrss won't do: it counts the pages that this process had when it forked.
func watchMemory(pid int) func() float64 {
	most := make(chan float64)
	go func() {
		kb := 0
		for {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			m := highWater.FindSubmatch(data)
			if err != nil || m == nil { // gone, or a zombie, which has no memory
				break
			}
			kb, _ = strconv.Atoi(string(m[1])) // digits
			time.Sleep(2 * time.Millisecond)
		}
		most <- float64(kb) / 1024
	}()
	return func() float64 { return <-most }
}
