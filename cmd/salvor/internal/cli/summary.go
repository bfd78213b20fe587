package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// facts are lines of a name and what it is.
type facts struct{ rows [][2]string }

func (f *facts) add(name, format string, args ...any) {
	f.rows = append(f.rows, [2]string{name, fmt.Sprintf(format, args...)})
}

// addList adds several values under one name, at most so many.
func (f *facts) addList(name string, values []string, most int) {
	for i, v := range values {
		if i == most {
			f.add("", "… and %d more", len(values)-most)
			return
		}
		f.add(name, "%s", v)
		name = ""
	}
}

func (f *facts) write(a *app, indent string) error {
	wide := 0
	for _, r := range f.rows {
		wide = max(wide, len(r[0]))
	}
	var b strings.Builder
	for _, r := range f.rows {
		fmt.Fprintf(&b, "%s%-*s   %s\n", indent, wide, r[0], r[1])
	}
	_, err := fmt.Fprint(a.sys.Stdout, b.String())
	return err
}

// mostShown is how many failures and warnings a summary names.
const mostShown = 20

// summarize prints what came of a backup and what to do next. measured is how long it took; 0: in whole seconds, as recorded.
func (a *app) summarize(ctx context.Context, h *home.Home, b *salvor.Backup, measured time.Duration) error {
	s := b.Status
	phase := a.phaseText(b)
	if c := phaseColour(s.Phase); c != "" && a.sys.colours(a.sys.Stdout) {
		phase = colour(c, phase)
	}
	if s.Phase == salvor.PhaseSettling {
		fmt.Fprintf(a.sys.Stdout, "backup/%s %s\n", b.ID(), phase)
	} else {
		fmt.Fprintf(a.sys.Stdout, "backup/%s %s in %s\n", b.ID(), phase, lasted(measured, s.StartedAt, s.CompletedAt))
	}
	var f facts
	if s.RootDigest != "" {
		f.add("objects", "%s of %s in %s: %s", count(s.Progress.Objects, "object"), count(s.Progress.Kinds, "kind"), count(len(s.Namespaces), "namespace"), namespaceList(s.Namespaces))
		f.add("cut", "%s, revision %s", a.time(s.CutAt.Time), s.Revision)
		addFrozen(&f, s)
		addData(&f, s)
		f.add("uploaded", "%d of %s, %s (%s uncompressed in all)", s.Progress.SegmentsUploaded, count(s.Progress.Segments, "segment"), size(s.Progress.BytesUploaded), size(s.Progress.Bytes))
	} else {
		if s.Message != "" {
			f.add("reason", "%s", oneLine(s.Message))
		}
		addFrozen(&f, s)
	}
	f.addList("failures", failureLines(s.Failures), mostShown)
	if s.RootDigest != "" && h.Remote == nil { // who asks a service need not be able to read its backups; the message counts them
		exceptions, err := a.exceptions(ctx, h, b)
		if err != nil {
			return err
		}
		f.addList("exceptions", exceptions, mostShown)
	}
	f.addList("warnings", s.Warnings, mostShown)
	if s.Thaw != nil {
		a.addOwed(&f, b)
	}
	if s.Phase == salvor.PhaseSettling {
		a.addSettling(&f, b)
	} else {
		f.add("next", "%s", nextStep(b))
	}
	return f.write(a, "  ")
}

// addFrozen adds for how long applications were held.
func addFrozen(f *facts, s salvor.BackupStatus) {
	f.addList("frozen", frozenLines(s.Freezes), mostShown)
	switch d := s.FrozenFor.Duration; {
	case len(s.Freezes) > 0 || d == 0:
	case s.RootDigest != "": // of a version that kept no more
		f.add("frozen", "%s", took(d))
	case s.Thaw == nil: // by whoever paid the thaw of a worker that died
		f.add("frozen", "%s, and thawed", took(d))
	}
}

// frozenLines say for how long what was held together was.
func frozenLines(freezes []salvor.FreezeTime) []string {
	var lines []string
	for _, t := range freezes {
		line := "not thawed by this run"
		if t.ThawedAfter.Duration > 0 {
			line = took(t.ThawedAfter.Duration)
		}
		if t.CutAfter.Duration > 0 {
			line += ", cut after " + took(t.CutAfter.Duration)
		} else {
			line += ", not cut"
		}
		if t.Namespace != "" {
			line = "namespace " + t.Namespace + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// lasted prints how long something took; 0 is not measured, only recorded in whole seconds.
func lasted(measured time.Duration, began, ended metav1.Time) string {
	if measured > 0 {
		return took(measured)
	}
	return "about " + took(max(ended.Sub(began.Time), time.Second).Round(time.Second))
}

func failureLines(failures []salvor.Failure) []string {
	var lines []string
	for _, f := range failures {
		what := dash(strings.TrimSpace(f.Kind + " " + f.Namespace))
		if f.Objects > 0 {
			what += fmt.Sprintf(" (%s)", count(f.Objects, "object"))
		}
		lines = append(lines, what+": "+oneLine(f.Reason))
	}
	return lines
}

// exceptions lists what of the backup is of another moment.
func (a *app) exceptions(ctx context.Context, h *home.Home, b *salvor.Backup) ([]string, error) {
	m, err := manifest(ctx, h, b)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, x := range m.Exceptions {
		line := strings.TrimSpace(x.Kind+" "+x.Namespace) + ": " + x.Reason
		if x.Revision != "" {
			line += ", read at revision " + x.Revision
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func manifest(ctx context.Context, h *home.Home, b *salvor.Backup) (*archive.Manifest, error) {
	repo, err := h.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
	if err != nil {
		return nil, err
	}
	return repo.RecordedManifest(ctx, b.Name, b.Status.RootDigest)
}

// nextStep says what a user would do after the backup.
func nextStep(b *salvor.Backup) string {
	if b.Status.Phase.Done() && b.Status.Thaw != nil {
		return "salvor backup resume " + b.ID().String() + " runs the thaw that is owed; salvor serve tries it again by itself"
	}
	if b.Spec.Location == "" {
		return "salvor delete backup " + b.ID().String() + " forgets this test of rules"
	}
	switch b.Status.Phase {
	case salvor.PhaseSettling:
		return "its snapshots become ready; salvor volumes " + b.ID().String() + " shows how far they are"
	case salvor.PhaseCompleted:
		return "salvor verify " + b.ID().String() + ", or salvor restore " + b.ID().String()
	case salvor.PhasePartiallyFailed:
		return "see to the failures and back up again, or salvor restore " + b.ID().String() + " --allow-partial"
	case salvor.PhaseCanceled:
		return "back up again under another name"
	}
	return "salvor describe backup " + b.ID().String() + " --report, then back up again under another name"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
