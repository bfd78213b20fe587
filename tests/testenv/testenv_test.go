package testenv_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/tests/testenv"
)

// repository makes a repository of one tool, and enters a folder of it.
func repository(t *testing.T, tool string) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"tools", "shared/location"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"go.mod": "module salvor.io/salvor\n", "tools/go.mod": "module salvor.io/salvor/tools\n", "tools/run": "#!/bin/sh\n" + tool,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "shared/location"))
}

func TestRun(t *testing.T) {
	t.Run("it returns what the tool prints, from the root of the repository", func(t *testing.T) {
		repository(t, `pwd; echo "$@"`)
		root, err := testenv.Root()
		if err != nil {
			t.Fatal(err)
		}
		out, err := testenv.Run(t.Context(), "s3", "up")
		if want := root + "\ns3 up\n"; err != nil || string(out) != want {
			t.Errorf("run = %q, %v, want %q", out, err, want)
		}
	})
	t.Run("a server that keeps the tool's output open is not waited for", func(t *testing.T) {
		repository(t, `sleep 5 & echo ready`)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out, err := testenv.Run(ctx, "s3", "up")
		if err != nil || string(out) != "ready\n" {
			t.Errorf("run = %q, %v", out, err)
		}
	})
	t.Run("a tool that fails is quoted", func(t *testing.T) {
		repository(t, `echo "this machine has no cgroups" >&2; exit 3`)
		_, err := testenv.Run(t.Context(), "localkube", "up")
		for _, want := range []string{"tools/run localkube up", "exit status 3", "no cgroups"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("run fails with %v, which does not say %q", err, want)
			}
		}
	})
	t.Run("outside of the repository it says so", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if _, err := testenv.Run(t.Context(), "s3"); err == nil || !strings.Contains(err.Error(), "run the test inside the repository") {
			t.Errorf("run fails with %v", err)
		}
	})
}

// The servers run, one a process, and enforce what they should.
func TestServers(t *testing.T) {
	first, second := testenv.S3(t), testenv.S3(t)
	if first != second {
		t.Errorf("two servers were started: %s and %s", first.Endpoint, second.Endpoint)
	}
	for endpoint, want := range map[string]int{first.Endpoint + "/" + first.Bucket: http.StatusForbidden, testenv.Dynamo(t): http.StatusOK} {
		answer, err := http.Get(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s answers an unsigned request with %s, want %d", endpoint, answer.Status, want)
		}
	}
}

func TestUnique(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[testenv.Unique()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1000 calls gave %d names", len(seen))
	}
}
