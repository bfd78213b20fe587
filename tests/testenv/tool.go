package testenv

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout bounds one tools/run call. The first call on a machine builds the
// server, which takes minutes on two cores.
const startTimeout = 20 * time.Minute

// Unique returns a short name in lower-case letters and digits that no other
// call returned, for buckets, prefixes, tables and namespaces of one test.
func Unique() string { return strings.ToLower(rand.Text()[:12]) }

// Root returns the folder of the repository: the nearest one above the working
// directory whose go.mod is that of salvor.io/salvor.
func Root() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module salvor.io/salvor\n")) {
			return dir, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("finding the repository: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the repository: no go.mod of salvor.io/salvor above %s: run the test inside the repository", wd)
		}
	}
}

// serverName is the --name of this process's servers; suffix tells several of a
// kind apart.
func serverName(suffix string) string {
	name := "t" + strconv.Itoa(os.Getpid())
	if suffix != "" {
		name += "-" + suffix
	}
	return name
}

// watch is the flag that ties a server's life to this process.
func watch() []string { return []string{"--watch-pid", strconv.Itoa(os.Getpid())} }

// run calls tools/run with args and returns what it printed. Output goes through
// files: a server that the tool leaves behind inherits them and would hold a
// pipe open.
func run(ctx context.Context, args ...string) ([]byte, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	what := "running tools/run " + strings.Join(args, " ")
	dir, err := os.MkdirTemp("", "testenv")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer os.RemoveAll(dir)
	stdout, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer stdout.Close()
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer stderr.Close()

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(root, "tools", "run"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, stdout, stderr
	// A tool that must stop gets the chance to take its half-started server down.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", what, err, tail(stderr))
	}
	return os.ReadFile(stdout.Name())
}

// tail returns the last 4 KiB of a file.
func tail(f *os.File) []byte {
	const most = 4 << 10
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	from := max(0, size-most)
	b, _ := io.ReadAll(io.NewSectionReader(f, from, size-from))
	return b
}

// started remembers, by kind and name, the one server of each that this process
// started, and the error if it couldn't.
var started sync.Map

// start runs tools/run once for key and decodes the JSON it prints. The context
// is not that of the first test that asks: the server outlives it.
func start[T any](t testing.TB, key string, args ...string) T {
	t.Helper()
	once, _ := started.LoadOrStore(key, sync.OnceValues(func() (T, error) {
		var v T
		out, err := run(context.Background(), args...)
		if err != nil {
			return v, err
		}
		if err := json.Unmarshal(out, &v); err != nil {
			return v, fmt.Errorf("reading what tools/run %s printed: %w\n%s", strings.Join(args, " "), err, out)
		}
		return v, nil
	}))
	v, err := once.(func() (T, error))()
	if err != nil {
		t.Fatalf("starting a server for the test: %v", err)
	}
	return v
}
