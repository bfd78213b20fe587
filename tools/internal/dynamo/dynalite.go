// Package dynamo starts a throw-away server that speaks DynamoDB's protocol:
// dynalite, on Node.js, which keeps everything in memory unless it is told where.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/port"
)

// startLimit is long beside the 0.3 s that it takes.
const startLimit = 30 * time.Second

// survive is a module that node loads first. dynalite throws when a client goes
// away in the middle of a request, as one does whose context ends; that shall
// not take the server from all others.
const survive = `data:text/javascript,process.on("uncaughtException",e=>{if(e.code!=="ECONNRESET"){console.error(e);process.exit(1)}})`

// Options say where the server is installed.
type Options struct {
	// Install is the directory that npm installed it into.
	Install string `json:"install"`
	// Data is the directory of the tables; empty: they are in memory.
	Data string `json:"data,omitempty"`
}

// Result is what `up` prints. Any credentials do.
type Result struct {
	Name     string `json:"name"`
	Dir      string `json:"dir"`
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
}

// Server is one DynamoDB server.
type Server struct {
	Name    string
	Dir     string
	Options Options
}

// Start brings the server up. See guard.Server.
func (s *Server) Start(ctx context.Context, group *child.Group, step func(string)) (any, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("the DynamoDB server needs Node.js 20 or newer: %w", err)
	}
	free, err := port.Free(1)
	if err != nil {
		return nil, err
	}
	args := []string{
		"--import", survive,
		filepath.Join(s.Options.Install, "node_modules", "dynalite", "cli.js"),
		"--host", "127.0.0.1", "--port", fmt.Sprint(free[0]),
		"--createTableMs", "0", "--updateTableMs", "0", "--deleteTableMs", "0", // tables are there at once
	}
	if s.Options.Data != "" {
		args = append(args, "--path", s.Options.Data)
	}
	if err := group.Start("dynalite", nil, node, args...); err != nil {
		return nil, err
	}
	up := Result{Name: s.Name, Dir: s.Dir, Region: "us-east-1", Endpoint: fmt.Sprintf("http://127.0.0.1:%d", free[0])}
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("no answer after 30 s"))
	defer cancel()
	if err := child.Poll(limited, "the DynamoDB server", answers(up.Endpoint)); err != nil {
		return nil, err
	}
	step("DynamoDB server ready at " + up.Endpoint)
	return up, nil
}

// answers asks whether anything answers at all: even a refusal is an answer.
func answers(endpoint string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
		if err != nil {
			return false, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, err
		}
		return true, resp.Body.Close()
	}
}

// Clean has nothing to do. See guard.Server.
func (s *Server) Clean() error { return nil }
