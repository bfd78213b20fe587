package cli

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/serve"
)

func (a *app) serve() *cobra.Command {
	var parallel int
	var grace time.Duration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Keep this home running: fire schedules, finish what was left unfinished",
		Long: `Keep this home running until it is told to stop: fire schedules, and take over backups whose process has died, so that
what they owe is thawed. A thaw that can't be paid, because a cluster does not answer or a permission is missing, is tried
again with pauses of up to a minute, until it is. A run that was missed is made up for, of several the newest.

What retention would delete is logged; this version deletes nothing by itself.

SIGTERM or Ctrl-C ends it: running backups get --grace to end, and are then canceled, which thaws first.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			a.limitMemory()
			s := serve.Server{Catalog: h.Catalog, Engine: h.Backups, Now: a.sys.Now, Log: a.serveLog(), RequestedBy: a.sys.User, Parallel: parallel, Grace: grace}
			return s.Run(cmd.Context())
		}),
	}
	cmd.Flags().IntVar(&parallel, "parallel", serve.DefaultParallel, "how many backups run at once")
	cmd.Flags().DurationVar(&grace, "grace", serve.DefaultGrace, "how long running backups get to end by themselves")
	return cmd
}

// serveLog logs what a server does, unless the user wants less or more.
func (a *app) serveLog() *slog.Logger {
	if a.logLevel != "" || a.verbose {
		return a.log
	}
	return slog.New(slog.NewTextHandler(a.sys.Stderr, nil))
}
