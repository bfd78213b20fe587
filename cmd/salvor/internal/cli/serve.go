package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/cmd/salvor/internal/serve"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) serve() *cobra.Command {
	var parallel int
	var grace, poll time.Duration
	var listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Keep this home running: fire schedules, finish what was left unfinished",
		Long: `Keep this home running until it is told to stop: fire schedules, and take over backups whose process has died, so that
what they owe is thawed. A thaw that can't be paid, because a cluster does not answer or a permission is missing, is tried
again with pauses of up to a minute, until it is. Backups whose volume snapshots are not ready yet are looked after until
they are. A run that was missed is made up for, of several the newest, unless its policy says otherwise.

After each run, and every hour, it deletes the backups that no rule of their schedule's policy keeps; once a day it removes
segments that no backup needs any more.

With --listen it serves the HTTP API, which other processes of this machine use with --api: over a socket that only this user
may open, or over TCP to whoever bears the token in the home's file api-token, as $SALVOR_TOKEN.

SIGTERM or Ctrl-C ends it: running backups get --grace to end, and are then canceled, which thaws first.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			a.limitMemory()
			s := serve.Server{Catalog: h.Catalog, Engine: h.Backups, Settler: h.Settler, Now: a.sys.Now, Log: a.serveLog(), RequestedBy: a.sys.User, Parallel: parallel, Grace: grace, Poll: poll,
				Expiry: func() *expire.Pass { return h.Expiry("salvor serve by " + a.sys.User) }}
			if listen != "" {
				if err := a.listen(cmd.Context(), h, &s, listen); err != nil {
					return err
				}
			}
			return s.Run(cmd.Context())
		}),
	}
	cmd.Flags().IntVar(&parallel, "parallel", serve.DefaultParallel, "how many backups run at once")
	cmd.Flags().DurationVar(&poll, "poll", serve.DefaultPoll, "how often the catalog is looked at for what others left")
	cmd.Flags().DurationVar(&grace, "grace", serve.DefaultGrace, "how long running backups get to end by themselves")
	cmd.Flags().StringVar(&listen, "listen", "", "serve the HTTP API, for --api, on unix:PATH or on an address of this machine such as 127.0.0.1:7979")
	return cmd
}

// listen serves the API beside the server, which does what it is asked for.
func (a *app) listen(ctx context.Context, h *home.Home, s *serve.Server, address string) error {
	s.Restore = func(ctx context.Context, name string) error {
		o, err := h.Catalog.Get(ctx, salvor.KindRestore, name)
		if err != nil {
			return err
		}
		return h.Restores().Run(ctx, o.(*salvor.Restore))
	}
	s.Delete = func(ctx context.Context, id salvor.BackupID) error { return h.DeleteBackup(ctx, id, true, false) }
	api := &httpapi.Server{Catalog: h.Catalog, Backups: h.Backups(), Restores: h.Restores(), Schedules: h.Backups().Schedules(h.Catalog, s.WorkOnBackup),
		Open: h.Repository,
		Sync: func(_ context.Context, name string) error {
			go func() {
				if _, err := h.Sync.Sync(ctx, name); err != nil {
					s.Log.Error("sync", "location", name, "error", err)
				}
			}()
			return nil
		},
		WorkOnBackup: s.WorkOnBackup, WorkOnRestore: s.WorkOnRestore, Now: a.sys.Now, Log: s.Log}
	where, err := serve.Listen(ctx, address, h.Dir, a.sys.User, api.Handler())
	if err == nil {
		s.Log.Info("API", "at", where)
	}
	return err
}

// serveLog logs what a server does, unless the user wants less or more.
func (a *app) serveLog() *slog.Logger {
	if a.logLevel != "" || a.verbose {
		return a.log
	}
	return slog.New(slog.NewTextHandler(a.sys.Stderr, nil))
}
