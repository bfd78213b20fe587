package cli

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) backup() *cobra.Command {
	return a.parent("backup", "Make a backup", a.backupCreate(), a.backupResume())
}

func (a *app) backupResume() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume NAME",
		Short: "Take over a backup that a process left unfinished, and thaw what it owes",
		Long: `Take over a backup that a process left unfinished, once its lease has expired. What it owes is thawed first, and then the
backup is made as it was asked for. salvor serve does so by itself. Of a backup that has ended and still owes a thaw, because its
post-exec rule failed or its cluster was away, the thaw alone is run. salvor get thaws lists what is owed.

A backup that is Settling is waited for: its objects are stored, and its volume snapshots are not ready yet.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
	}
	out := addOutput(cmd)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, b, err := a.openBackup(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if b.Status.Phase.Done() && b.Status.Thaw != nil {
			return a.payThaw(cmd.Context(), h, b, *out)
		}
		if b.Status.Phase == salvor.PhaseSettling {
			return a.goOnSettling(cmd.Context(), h, b, *out)
		}
		a.limitMemory()
		return a.runBackup(cmd.Context(), h, b.ID(), *out)
	})
	a.addNoWait(cmd)
	return cmd
}

func (a *app) addNoWait(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.noWait, "no-wait", false, "don't wait until volume snapshots are ready: the backup stays Settling, and salvor serve goes on with it")
}

// goOnSettling waits for the snapshots of a backup that was left while it settled.
func (a *app) goOnSettling(ctx context.Context, h *home.Home, b *salvor.Backup, out output) error {
	var err error
	if !a.noWait {
		b, err = a.awaitSettled(ctx, h, b)
	}
	return a.ended(ctx, h, b, err, 0, out)
}

// payThaw runs what a backup that has ended still owes.
func (a *app) payThaw(ctx context.Context, h *home.Home, b *salvor.Backup, out output) error {
	paid, err := h.Backups().PayThaw(ctx, b.ID())
	if err != nil {
		return err
	}
	if !out.table() {
		return a.print(out, []salvor.Object{paid}, true)
	}
	_, err = fmt.Fprintf(a.sys.Stdout, "%s thawed; it stays %s\n", reference(b), b.Status.Phase)
	return err
}

func (a *app) backupCreate() *cobra.Command {
	var f backupFlags
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Make a backup now and wait for it",
		Long: `Make a backup now and wait for it. Without a NAME it is called after its cluster and the time in UTC. --cluster and
--location may be left out when there is only one.

Doing it again with the same name and spec does it once: the first backup is shown. One that a process left unfinished is
taken over when its lease has expired, and what it owed is thawed first.

Its volume snapshots are waited for, too: they are cut inside the freeze, and may take long until they are ready. Ctrl-C then
leaves the backup Settling, and salvor backup resume, or salvor serve, goes on with it.

Before that, Ctrl-C thaws the application, records the backup as Canceled and ends; a second one ends at once and says what is owed.`,
		Example: "  salvor backup create --namespaces 'shop-*' --pre-exec-rule freeze --post-exec-rule thaw\n" +
			"  salvor backup create before-upgrade -n shop --labels reason=upgrade\n" +
			"  salvor backup create -f backup.yaml",
		Args: cobra.MaximumNArgs(1),
	}
	f.add(a, cmd)
	out := addOutput(cmd)
	a.addNoWait(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the namespaces, kinds and pods that would be chosen, and do nothing")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		b, named, err := f.backup(cmd, a, h, args)
		if err != nil {
			return err
		}
		b.RequestedBy = a.sys.User
		if dryRun {
			return a.previewBackup(cmd.Context(), h, b, *out)
		}
		a.limitMemory()
		return a.makeBackup(cmd.Context(), h, b, named, *out)
	})
	return cmd
}

// limitMemory lets the garbage collector keep the process well below 150 MiB, unless the user has set a limit.
func (a *app) limitMemory() {
	if a.sys.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(110 << 20)
	}
}

// makeBackup records and makes the backup. named says whether the user chose its name.
func (a *app) makeBackup(ctx context.Context, h *home.Home, b *salvor.Backup, named bool, out output) error {
	recorded, created, err := a.begin(ctx, h.Backups(), b, named)
	if err != nil {
		return err
	}
	if !created {
		if !sameSpec(b.Spec, recorded.Spec) {
			return salvor.Errorf(salvor.Exists, "backup %s exists already and backs up something else", recorded.ID()).
				WithHint("choose another name")
		}
		fmt.Fprintf(a.sys.Stderr, "backup %s exists already: asked for by %s, %s ago, %s\n", recorded.ID(), dash(recorded.RequestedBy), a.age(recorded.CreationTimestamp.Time), recorded.Status.Phase)
		if recorded.Status.Phase.Done() {
			return a.ended(ctx, h, recorded, nil, 0, out)
		}
		if recorded.Status.Phase == salvor.PhaseSettling {
			return a.goOnSettling(ctx, h, recorded, out)
		}
	}
	err = a.runBackup(ctx, h, recorded.ID(), out)
	if created && h.Remote == nil && ctx.Err() != nil {
		return a.dropPending(context.WithoutCancel(ctx), h, recorded.ID(), err)
	}
	return err
}

// dropPending cancels a backup that was interrupted before it began: salvor serve would make it after all.
func (a *app) dropPending(ctx context.Context, h *home.Home, id salvor.BackupID, err error) error {
	b, readErr := h.Catalog.GetBackup(ctx, id)
	if readErr != nil || b.Status.Phase != salvor.PhasePending || b.Status.Lease.Epoch > 0 {
		return err
	}
	if _, err := backup.RequestCancel(ctx, h.Catalog, id); err != nil {
		return err
	}
	return salvor.Errorf(salvor.Canceled, "backup %s was canceled before it began", id)
}

// runBackup makes a recorded backup, and prints how it ended.
func (a *app) runBackup(ctx context.Context, h *home.Home, id salvor.BackupID, out output) error {
	a.makes(id)
	e := h.Backups()
	e.Tuning.Beat = time.Second // how soon the bar moves and a cancel is seen
	p := a.progress("backup " + id.Name)
	a.watchBackup(e, p, id.Name)
	began := a.sys.Now()
	ended, err := a.workOn(ctx, h, e, id)
	p.end()
	if ended == nil {
		return err
	}
	if err == nil && ended.Status.Phase == salvor.PhaseSettling && !a.noWait {
		ended, err = a.awaitSettled(ctx, h, ended)
	}
	return a.ended(ctx, h, ended, err, a.sys.Now().Sub(began), out)
}

// workOn makes the backup, or waits for the service that does.
func (a *app) workOn(ctx context.Context, h *home.Home, e *backup.Engine, id salvor.BackupID) (*salvor.Backup, error) {
	if h.Remote != nil {
		return h.Remote.AwaitBackup(ctx, id, e.Progress)
	}
	return e.Run(ctx, id)
}

// begin records the backup; for a name that nobody chose, it finds one that is free.
func (a *app) begin(ctx context.Context, e *backup.Engine, b *salvor.Backup, named bool) (*salvor.Backup, bool, error) {
	name := b.Name
	for n := 2; ; n++ {
		recorded, created, err := e.Begin(ctx, b)
		if err != nil || created || named {
			return recorded, created, err
		}
		b.Name = fmt.Sprintf("%s-%d", name, n)
	}
}

// ended prints how a backup ended and turns that into the command's error.
func (a *app) ended(ctx context.Context, h *home.Home, b *salvor.Backup, err error, measured time.Duration, out output) error {
	var printErr error
	if out == outTable || out == outWide {
		printErr = a.summarize(context.WithoutCancel(ctx), h, b, measured)
	} else {
		printErr = a.print(out, []salvor.Object{b}, true)
	}
	switch {
	case err != nil:
		return err
	case printErr != nil:
		return printErr
	case b.Status.Phase == salvor.PhaseSettling:
		return nil
	case b.Status.Phase == salvor.PhasePartiallyFailed:
		return &partialError{fmt.Sprintf("backup %s is PartiallyFailed: %s; what is there can be restored with --allow-partial", b.ID(), count(len(b.Status.Failures), "failure"))}
	case b.Status.Phase == salvor.PhaseCanceled:
		return salvor.Errorf(salvor.Canceled, "backup %s was canceled", b.ID())
	case !b.Status.Phase.Good():
		return salvor.Errorf(salvor.Internal, "backup %s is %s: %s", b.ID(), b.Status.Phase, strings.TrimSpace(b.Status.Message))
	}
	return nil
}
