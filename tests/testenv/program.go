package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Program builds a command of the repository, such as ./cmd/salvor, as `make build` does, and returns its path. It is
// built once in this process, and in others only if its sources have changed.
func Program(t testing.TB, pkg string) string {
	t.Helper()
	once, _ := built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) { return build(pkg) }))
	program, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Salvor is the command line, built by [Program].
func Salvor(t testing.TB) string {
	t.Helper()
	return Program(t, "./cmd/salvor")
}

// built remembers, by package, how this process builds it.
var built sync.Map

// build builds it where no user's is. Several processes take turns: the first builds for all.
func build(pkg string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	program := filepath.Join(root, "bin", "test", path.Base(pkg))
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return "", fmt.Errorf("building %s: %w", pkg, err)
	}
	turn, err := os.Create(program + ".lock")
	if err != nil {
		return "", fmt.Errorf("building %s: %w", pkg, err)
	}
	defer turn.Close()
	if err := syscall.Flock(int(turn.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("building %s: %w", pkg, err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, pkg)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}
