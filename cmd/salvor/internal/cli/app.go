package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/cmd/salvor/internal/remote"
	"salvor.io/salvor/shared/salvor"
)

// app is one run of the program.
type app struct {
	sys      System
	homeDir  string
	api      string
	logLevel string
	verbose  bool
	force    bool // --force of the commands that store settings
	noWait   bool // --no-wait of the commands that make backups
	log      *slog.Logger
	// started is set once cobra has accepted the command line.
	started bool

	mu     sync.Mutex
	opened *home.Home
	// making is the backup that this process makes, restoring the restore that it does, for the second interrupt.
	making    *salvor.BackupID
	restoring string
}

// run makes what a command does of a function that runs once its command line is accepted.
func (a *app) do(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		return f(cmd, args)
	}
}

// setUp reads the flags that all commands have.
func (a *app) setUp(*cobra.Command, []string) error {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelInfo
	}
	if a.logLevel != "" {
		if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
			return fmt.Errorf("--log-level: %q is not one of debug, info, warn and error", a.logLevel)
		}
	}
	a.log = slog.New(slog.NewTextHandler(a.sys.Stderr, &slog.HandlerOptions{Level: level}))
	return nil
}

// home opens the home on first use.
func (a *app) home() (*home.Home, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened != nil {
		return a.opened, nil
	}
	options := home.Options{Now: a.sys.Now, Holder: a.sys.Holder, Version: a.sys.Version,
		Warn: func(err error) { a.warn("warning: %v", err) }}
	if api := a.apiURL(); api != "" {
		var err error
		a.opened, err = home.OpenRemote(context.Background(), options, remote.Options{URL: api, Token: a.sys.Getenv("SALVOR_TOKEN"), Now: a.sys.Now})
		return a.opened, err
	}
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	a.opened, err = home.Open(dir, options)
	return a.opened, err
}

// apiURL is the API to use instead of a home of this machine; "" for none.
func (a *app) apiURL() string {
	if a.api != "" || a.homeDir != "" {
		return a.api
	}
	return a.sys.Getenv("SALVOR_API")
}

// dir is where the home is.
func (a *app) dir() (string, error) {
	if a.homeDir != "" {
		return a.homeDir, nil
	}
	return home.Dir(a.sys.Getenv)
}

func (a *app) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened == nil {
		return nil
	}
	return a.opened.Close()
}

// makes notes which backup this process makes.
func (a *app) makes(id salvor.BackupID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.making = &id
}

// restores notes which restore this process does.
func (a *app) restores(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.restoring = name
}

// whatIsOwed says what is left undone when the process ends at once.
func (a *app) whatIsOwed() string {
	a.mu.Lock()
	opened, id, restoring := a.opened, a.making, a.restoring
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if opened != nil && restoring != "" {
		return a.whatARestoreOwes(ctx, opened, restoring)
	}
	if opened == nil || id == nil {
		return "nothing is owed"
	}
	b, err := opened.Catalog.GetBackup(ctx, *id)
	if salvor.Is(err, salvor.NotFound) { // it had not begun, or was a test of rules that has ended
		return "nothing is owed"
	}
	if err != nil {
		return fmt.Sprintf("what backup %s owes can't be read: %v", id.Name, err)
	}
	if b.Status.Phase.Done() {
		if b.Status.Thaw == nil {
			return "nothing is owed"
		}
		return fmt.Sprintf("backup %s owes %s; salvor backup resume %s, or salvor serve, runs it", b.Name, a.owedLine(b), b.ID())
	}
	if b.Status.Phase == salvor.PhaseSettling {
		return fmt.Sprintf("backup %s is Settling, and nothing is frozen; %s", b.Name, settlingNext(b))
	}
	next := fmt.Sprintf("salvor backup resume %s, or salvor serve, takes it over once its lease has expired at %s",
		b.ID(), a.time(b.Status.Lease.Expires.Time))
	if t := b.Status.Thaw; t != nil {
		return fmt.Sprintf("backup %s still owes a thaw to %s, frozen since %s; %s", b.Name, namespaceList(t.Namespaces), a.time(t.Since.Time), next)
	}
	return fmt.Sprintf("backup %s is unfinished, and nothing is frozen; %s", b.Name, next)
}

// whatARestoreOwes says what is left undone of a restore when its process ends at once.
func (a *app) whatARestoreOwes(ctx context.Context, h *home.Home, name string) string {
	o, err := h.Catalog.Get(ctx, salvor.KindRestore, name)
	if err != nil {
		return fmt.Sprintf("what restore %s owes can't be read: %v", name, err)
	}
	s := o.(*salvor.Restore).Status
	if s.Phase.Done() {
		return "nothing is owed"
	}
	next := fmt.Sprintf("the same with --name %s, or salvor serve, goes on with it once its lease has expired at %s", name, a.time(s.Lease.Expires.Time))
	if len(s.ScaledDown) == 0 {
		return fmt.Sprintf("restore %s is unfinished; %s", name, next)
	}
	var down []string
	for _, w := range s.ScaledDown {
		down = append(down, fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name))
	}
	return fmt.Sprintf("restore %s is unfinished, and %s may be scaled down until it is not; %s", name, strings.Join(down, ", "), next)
}
