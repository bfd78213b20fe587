package cli

import (
	"fmt"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// summarizeRestore prints what came of a restore.
func (a *app) summarizeRestore(r *salvor.Restore, measured time.Duration) error {
	s := r.Status
	phase := string(s.Phase)
	if c := phaseColour(s.Phase); c != "" && a.sys.colours(a.sys.Stdout) {
		phase = colour(c, phase)
	}
	line := "restore/" + r.Name + " " + phase
	if !s.CompletedAt.IsZero() {
		line += " in " + lasted(measured, s.StartedAt, s.CompletedAt)
	}
	fmt.Fprintln(a.sys.Stdout, line)
	var f facts
	f.add("target", "%s", r.Spec.TargetCluster)
	f.addList("from", a.sourceLines(s.Sources), mostShown)
	if len(s.Outcomes) > 0 {
		f.add("objects", "%s", outcomeText(s.Outcomes))
	}
	if line := volumeLine(s.Volumes); line != "" {
		f.add("volumes", "%s", line)
	}
	for _, w := range s.ScaledDown {
		f.add("scaled down", "%s %s/%s, from %d", w.Kind, w.Namespace, w.Name, w.Replicas)
	}
	if s.Message != "" && s.Phase != salvor.PhaseCompleted {
		f.add("reason", "%s", oneLine(s.Message))
	}
	f.addList("failures", failureLines(s.Failures), mostShown)
	f.addList("warnings", s.Warnings, mostShown)
	if s.Report != "" {
		f.add("all outcomes", "salvor describe restore %s --outcomes", r.Name)
	}
	return f.write(a, "  ")
}

// sourceLines says which namespaces come from which backup.
func (a *app) sourceLines(sources []salvor.RestoreSource) []string {
	var lines []string
	for _, s := range sources {
		lines = append(lines, fmt.Sprintf("%s of %s: %s", s.Backup, a.time(s.CutAt.Time), dash(strings.Join(s.Namespaces, ", "))))
	}
	return lines
}
