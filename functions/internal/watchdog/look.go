package watchdog

import (
	"context"
	"time"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/wake"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// finding is what a look at one backup found, and did.
type finding struct {
	// backup as it is now; nil: there is none any more.
	backup *salvor.Backup
	// paid: the application was let go on by this look.
	paid bool
	// late: a thaw is owed that could not be paid, so far.
	late bool
	// handedOn: the state machine goes on with the backup. gaveUp: it is Failed now, because nobody can.
	handedOn, gaveUp bool
	// next is when to look again, with which call; zero: no more.
	next time.Time
	call wake.Call
}

const (
	// follow is when a backup that was handed on is looked at again: the state machine has tried for long enough by then.
	follow = 15 * time.Minute
	// payTime is what a payment may take, with signing in and recording it.
	payTime = 13 * time.Minute
)

// look does what a backup needs now. The error means that it could not be told.
func (w *Watchdog) look(ctx context.Context, call wake.Call) (*finding, error) {
	b, err := w.Catalog.GetBackup(ctx, call.Backup)
	if salvor.Is(err, salvor.NotFound) {
		return &finding{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &finding{backup: b, call: call}
	if b.Status.Thaw == nil {
		return f, w.carry(ctx, f)
	}
	return f, w.pay(ctx, f)
}

// pay lets the application go on, unless its worker may still live, or it is too early for another attempt.
func (w *Watchdog) pay(ctx context.Context, f *finding) error {
	owed := f.backup.Status.Thaw
	if at := backup.ThawDue(f.backup, w.Now()); w.Now().Before(at) {
		f.late, f.next = owed.Attempts > 0, at
		return nil
	}
	if end, ok := ctx.Deadline(); ok && end.Sub(w.Now()) < payTime {
		f.late, f.next = true, w.Now().Add(again)
		return nil
	}
	b, failed := w.Payer(w.Holder(ctx)).PayThaw(ctx, f.call.Backup)
	if failed == nil {
		f.backup, f.paid = b, true
		w.Log.InfoContext(ctx, "thawed what a backup still owed", "backup", b.Name, "cluster", b.Status.ClusterID,
			"namespaces", owed.Namespaces, "since", owed.Since.UTC(), "phase", b.Status.Phase)
		return w.carry(ctx, f)
	}
	b, err := w.Catalog.GetBackup(ctx, f.call.Backup)
	if err != nil {
		return err
	}
	f.backup, f.next = b, w.Now().Add(again)
	if salvor.Is(failed, salvor.Conflict) || salvor.Is(failed, salvor.Fenced) { // somebody else is at it, or was
		return nil
	}
	if b.Status.Thaw != nil {
		f.late, f.next = true, backup.ThawDue(b, w.Now())
		w.alarm(ctx, b, failed)
	}
	return nil
}

// carry sees to it that a backup whose worker died while the application was frozen comes to an end: the state machine goes
// on with it, and if it can't be made it is Failed.
func (w *Watchdog) carry(ctx context.Context, f *finding) error {
	b, now := f.backup, w.Now()
	s := b.Status
	switch {
	case s.Phase.Done(), s.Phase == salvor.PhaseDeleting, s.Phase == salvor.PhaseSettling, !f.paid && s.Phase != salvor.PhaseQuiescing && f.call.HandedOn == 0:
		return nil
	case !backup.Abandoned(b, now) && f.call.HandedOn > 0:
		f.next = now.Add(follow)
		return nil
	case !backup.Abandoned(b, now): // whether it owes a thaw by then is to be seen
		f.next = s.Lease.Expires.Time
		return nil
	}
	why := backup.Hopeless(b, now)
	if f.call.HandedOn > 0 && f.call.HandedOn == s.Lease.Epoch {
		why = "its worker died, and the state machine did not take it up"
	}
	if why != "" {
		return w.giveUp(ctx, f, why)
	}
	next, at := wake.Call{Backup: b.ID(), HandedOn: s.Lease.Epoch}, now.Add(follow)
	job := event.Job{Kind: salvor.KindBackup, ClusterID: s.ClusterID, Name: b.Name}
	if err := w.HandOver(ctx, job, s.Lease.Epoch); err != nil {
		w.Log.ErrorContext(ctx, "an unfinished backup could not be handed on; it is tried again", "backup", b.Name, "cluster", s.ClusterID, "error", err)
		next.HandedOn, at = s.Lease.Epoch-1, now.Add(again)
	} else {
		f.handedOn = true
		w.Log.InfoContext(ctx, "handed an unfinished backup on to the state machine", "backup", b.Name, "cluster", s.ClusterID, "epoch", s.Lease.Epoch)
	}
	return w.Send(ctx, next, at)
}

func (w *Watchdog) giveUp(ctx context.Context, f *finding, why string) error {
	b, err := backup.GiveUp(ctx, w.Catalog, f.backup.ID(), f.backup.Status.Lease.Epoch, w.Now(), why)
	if salvor.Is(err, salvor.Conflict) {
		f.next = w.Now().Add(again)
		return nil
	}
	if err != nil {
		return err
	}
	f.backup, f.gaveUp = b, true
	w.Log.ErrorContext(ctx, "an unfinished backup is given up", "backup", b.Name, "cluster", b.Status.ClusterID, "reason", why)
	return nil
}
