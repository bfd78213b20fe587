package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"salvor.io/salvor/tests/throwaway"
)

// salvor runs bin/salvor with the home of this demo, shows the command and what it printed, and returns that.
func (d *demo) salvor(ctx context.Context, args ...string) (string, error) {
	d.command(append([]string{"salvor"}, args...)...)
	out, err := d.salvorQuietly(ctx, args...)
	d.output(out)
	return out, err
}

func (d *demo) salvorQuietly(ctx context.Context, args ...string) (string, error) {
	return d.exec(ctx, d.program, []string{"SALVOR_HOME=" + filepath.Join(d.dir, "home"), "SALVOR_API="}, args)
}

// kubectl runs kubectl at the cluster, and shows the command.
func (d *demo) kubectl(ctx context.Context, k *throwaway.Kube, args ...string) (string, error) {
	d.command(append([]string{"kubectl"}, args...)...)
	return d.kubectlQuietly(ctx, k, args...)
}

func (d *demo) kubectlQuietly(ctx context.Context, k *throwaway.Kube, args ...string) (string, error) {
	return d.exec(ctx, filepath.Join(d.bin, "kubectl"), []string{"KUBECONFIG=" + k.Kubeconfig}, args)
}

// exec returns standard output; an error has standard error too.
func (d *demo) exec(ctx context.Context, program string, env, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), d.root, &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	// Ctrl-C is for this program, which then asks the command to end: salvor would take a second one for impatience.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), errors.Join(err, context.Cause(ctx)), &stderr)
	}
	return stdout.String(), nil
}
