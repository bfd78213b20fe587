// Command salvor is Salvor on one machine: the command line, and in time the server.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/cli"
)

// version is set by the linker; a build without it says which commit it is of.
var version = ""

func main() {
	interrupt := make(chan os.Signal, 2)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	os.Exit(cli.Exec(context.Background(), cli.System{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Zone: time.Local,
		User: who(), Holder: holder(), Version: buildVersion(), Interrupt: interrupt,
	}, os.Args[1:]))
}

// who asks: user@host.
func who() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + "@" + host()
}

// holder names this process, and no other, in leases.
func holder() string {
	return fmt.Sprintf("%s/%d/%s", host(), os.Getpid(), strings.ToLower(rand.Text()[:8]))
}

func host() string {
	h, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return h
}

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
