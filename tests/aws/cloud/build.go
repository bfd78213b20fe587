package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// build makes one function's package for this machine.
func build(ctx context.Context, root, logical, dir string) error {
	cmd := exec.CommandContext(ctx, "make", "build-"+logical)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "ARTIFACTS_DIR="+dir, "GOARCH_FUNCTIONS="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make build-%s: %w\n%s", logical, err, out)
	}
	return nil
}

// listen serves on a free port of this machine alone.
func listen(h http.Handler) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // it ends when it is closed
	return server, "http://" + l.Addr().String(), nil
}

func upper(s string) string { return strings.ToUpper(s) }
