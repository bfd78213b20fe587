package cli

import (
	"context"
	"fmt"
	"strconv"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// thawsWord is what salvor get takes beside the kinds: backups that owe a thaw.
const thawsWord = "thaws"

// unfinished are the phases in which a backup may still owe a thaw.
var unfinished = []salvor.Phase{salvor.PhasePending, salvor.PhaseQuiescing, salvor.PhaseCapturing, salvor.PhaseSettling,
	salvor.PhaseFailed, salvor.PhaseCanceled, salvor.PhaseDeleting}

// owing returns the backups that owe a thaw, whoever is due first in front.
func owing(ctx context.Context, h *home.Home) ([]salvor.Object, error) {
	if h.Remote == nil {
		found, err := h.Backups().Owing(ctx)
		objects := make([]salvor.Object, len(found))
		for i, b := range found {
			objects[i] = b
		}
		return objects, err
	}
	found, err := allBackups(ctx, h, catalog.Query{Phases: unfinished, Limit: catalog.MaxLimit})
	if err != nil {
		return nil, err
	}
	owing := found[:0]
	for _, o := range found {
		if o.(*salvor.Backup).Status.Thaw != nil {
			owing = append(owing, o)
		}
	}
	return owing, nil
}

// printThaws prints which applications may still be frozen.
func (a *app) printThaws(ctx context.Context, out output) error {
	h, err := a.home()
	if err != nil {
		return err
	}
	found, err := owing(ctx, h)
	if err != nil {
		return err
	}
	if !out.table() {
		return a.print(out, found, false)
	}
	if len(found) == 0 {
		fmt.Fprintln(a.sys.Stderr, "no thaws are owed")
		return nil
	}
	t := table{head: []string{"BACKUP", "CLUSTER", "NAMESPACES", "PODS", "SINCE", "AGE", "ATTEMPTS", "NEXT", "LAST ERROR"}, colours: a.sys.colours(a.sys.Stdout)}
	for _, o := range found {
		b := o.(*salvor.Backup)
		owed := b.Status.Thaw
		t.rows = append(t.rows, plain(b.Name, b.Status.ClusterID, namespaceList(owed.Namespaces), begunText(owed), a.time(owed.Since.Time), a.age(owed.Since.Time),
			strconv.Itoa(owed.Attempts), a.nextThaw(b), dash(oneLine(owed.LastError))))
	}
	return t.write(a.sys.Stdout)
}

// begunText says in how many pods something may be frozen.
func begunText(owed *salvor.OwedThaw) string {
	if len(owed.Begun)+len(owed.Spared) == 0 {
		return "not known"
	}
	return strconv.Itoa(len(owed.Begun))
}

// podNames names pods, for people.
func podNames(pods []salvor.PodRef) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	return names
}

// nextThaw says who thaws, or when it is tried next.
func (a *app) nextThaw(b *salvor.Backup) string {
	if l := b.Status.Lease; l.Holder != "" && l.Live(a.sys.Now()) {
		return "by " + l.Holder
	}
	if at := backup.ThawDue(b, a.sys.Now()); at.After(a.sys.Now()) {
		return a.time(at)
	}
	return "due"
}

// abandoned reports whether nobody works on an unfinished backup any more.
func (a *app) abandoned(b *salvor.Backup) bool {
	return !b.Status.Phase.Done() && b.Status.Phase != salvor.PhaseSettling && backup.Abandoned(b, a.sys.Now())
}

// phaseText is the phase, and what hangs over it.
func (a *app) phaseText(b *salvor.Backup) string {
	text := string(b.Status.Phase)
	switch {
	case b.Status.Thaw != nil && (b.Status.Phase.Done() || a.abandoned(b)):
		text += " (thaw owed)"
	case a.abandoned(b):
		text += " (abandoned)"
	}
	return text
}

// owedLine says what a backup owes, and how it went so far.
func (a *app) owedLine(b *salvor.Backup) string {
	owed := b.Status.Thaw
	text := fmt.Sprintf("a thaw of %s, frozen since %s", namespaceList(owed.Namespaces), a.time(owed.Since.Time))
	if owed.Attempts > 0 {
		text += fmt.Sprintf("; tried %s, the last time at %s: %s", times(owed.Attempts), a.time(owed.LastAttempt.Time), oneLine(owed.LastError))
	}
	if next := a.nextThaw(b); next != "due" {
		text += "; next " + next
	}
	return text
}

// addOwed adds what a backup owes, and in which pods something may be frozen.
func (a *app) addOwed(f *facts, b *salvor.Backup) {
	f.add("OWED", "%s", a.owedLine(b))
	f.addList("may be frozen", podNames(b.Status.Thaw.Begun), mostShown)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
