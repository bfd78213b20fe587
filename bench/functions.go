package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// lambdas are the functions of template.yaml, the empty one first.
var lambdas = []string{"empty", "search", "api", "backup", "settle", "restore", "watchdog", "expire", "sync"}

// starts is how often each function is started.
const starts = 30

// benchFunctions measures the packages of the Lambda functions: how large they are, and how long it takes from the start
// of the process until it asks the Runtime API for work, in turn.
func benchFunctions(ctx context.Context, b *bench) ([]Result, error) {
	var sizes []Result
	for _, name := range lambdas {
		size, err := b.buildFunction(ctx, name)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, info("functions/"+name+"-size", []float64{float64(size) / 1e6}, "MB"))
	}
	took := map[string][]float64{}
	for i := range starts + 2 {
		for _, name := range lambdas {
			d, err := startFunction(ctx, filepath.Join(b.dir, name))
			if err != nil {
				return nil, fmt.Errorf("starting %s: %w", name, err)
			}
			if i >= 2 { // nobody counts a warm-up
				took[name] = append(took[name], float64(d.Microseconds())/1000)
			}
		}
	}
	results := sizes
	for _, name := range lambdas {
		results = append(results, info("functions/"+name+"-start", took[name], "ms"))
	}
	return append(results, atMost(4, "functions/search-to-empty-start", ratios(took["search"], took["empty"]), "x")), nil
}

// buildFunction builds a package as `sam build` does, for this machine, and returns the size of its bootstrap.
func (b *bench) buildFunction(ctx context.Context, name string) (int64, error) {
	dir := filepath.Join(b.dir, name)
	cmd := exec.CommandContext(ctx, "make", "build-"+strings.ToUpper(name[:1])+name[1:]+"Function")
	cmd.Env = append(os.Environ(), "ARTIFACTS_DIR="+dir, "GOARCH_FUNCTIONS="+runtime.GOARCH)
	if name == "empty" {
		cmd = exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "bootstrap"), "./bench/emptylambda")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	stat, err := os.Stat(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

// startFunction runs a bootstrap until it asks for work, and returns how long that took.
func startFunction(ctx context.Context, dir string) (time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	defer server.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bootstrap"))
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
		"SALVOR_TABLE=t", "SALVOR_CATALOG_ID=c", "SALVOR_STATE_MACHINE=m", "SALVOR_WAKES=w", "SALVOR_SYNCS=s", "SALVOR_SCHEDULE_GROUP=g", "SALVOR_SCHEDULE_ROLE=r",
		"SALVOR_SCHEDULE_TARGET=f", "SALVOR_SCHEDULE_DEAD_LETTERS=q"}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()         //nolint:errcheck // it is killed
	defer cmd.Process.Kill() //nolint:errcheck // it may have ended
	select {
	case at := <-asked:
		return at.Sub(begin), nil
	case <-time.After(10 * time.Second):
		return 0, errors.New("it asked for no work in 10 s")
	}
}
