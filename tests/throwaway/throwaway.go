// Package throwaway starts throw-away Kubernetes clusters for programs, such as the demo and the benchmarks. Tests
// use testenv instead.
//
// A cluster ends with the program that started it, however that ends: tools/run watches its pid.
package throwaway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kube is a running cluster.
type Kube struct {
	Name       string `json:"name"`
	Kubeconfig string `json:"kubeconfig"` // path; signs in as cluster-admin
	Server     string `json:"server"`     // https://127.0.0.1:port
	Version    string `json:"version"`
	Node       string `json:"node"` // name of the node; empty: no pods run here
	tool       string
}

// Root finds the root of the repository around the working directory.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Up starts a cluster with the flags of `localkube up` and returns when it is ready. What happens meanwhile is told to
// log. The first call on a machine builds the programs, which takes minutes. When ctx ends, what was started is taken down.
func Up(ctx context.Context, root, name string, log io.Writer, flags ...string) (*Kube, error) {
	k := &Kube{tool: filepath.Join(root, "tools", "run")}
	// Through a file: the server left behind must not hold a pipe open.
	out, err := os.CreateTemp("", "salvor-up-*.json")
	if err != nil {
		return nil, fmt.Errorf("starting cluster %s: %w", name, err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	args := append([]string{"localkube", "up", "--name", name, "--watch-pid", strconv.Itoa(os.Getpid())}, flags...)
	cmd := exec.CommandContext(ctx, k.tool, args...)
	cmd.Stdout, cmd.Stderr = out, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	// Ctrl-C is for this program, which then asks the tool to end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("starting cluster %s: %w", name, errors.Join(err, context.Cause(ctx)))
	}
	data, err := os.ReadFile(out.Name())
	if err != nil {
		return nil, fmt.Errorf("starting cluster %s: %w", name, err)
	}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("reading what localkube printed about cluster %s: %w", name, err)
	}
	return k, nil
}

// Down takes the cluster down and removes all it kept.
func (k *Kube) Down() error {
	cmd := exec.Command(k.tool, "localkube", "down", "--name", k.Name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("taking cluster %s down: %w\n%s", k.Name, err, out)
	}
	return nil
}
