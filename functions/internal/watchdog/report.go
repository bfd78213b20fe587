package watchdog

import (
	"context"
	"strings"
	"time"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// Answer is what came of an event, for people.
type Answer struct {
	// Looked is how many backups were looked at.
	Looked int `json:"looked"`
	// Paid is how many applications were let go on.
	Paid int `json:"paid"`
	// Owed are thaws that could not be paid, so far.
	Owed []Owed `json:"owed,omitempty"`
	// HandedOn and GivenUp count unfinished backups: those that go on, and those that are Failed now.
	HandedOn int `json:"handedOn"`
	GivenUp  int `json:"givenUp"`
	// Failed is how many could not be looked at.
	Failed int `json:"failed"`
}

// Owed is a thaw that could not be paid.
type Owed struct {
	salvor.BackupID
	Namespaces []string  `json:"namespaces"`
	Since      time.Time `json:"since"`
	Attempts   int       `json:"attempts"`
	Error      string    `json:"error,omitempty"`
	Next       time.Time `json:"next"`
}

// report counts findings, and lets CloudWatch know: the alarms stand on these metrics.
func (w *Watchdog) report(ctx context.Context, findings []*finding) *Answer {
	a := &Answer{}
	var oldest time.Duration
	for _, f := range findings {
		if f == nil {
			continue
		}
		a.Looked++
		a.Paid += count(f.paid)
		a.HandedOn += count(f.handedOn)
		a.GivenUp += count(f.gaveUp)
		if !f.late {
			continue
		}
		t := f.backup.Status.Thaw
		a.Owed = append(a.Owed, Owed{BackupID: f.backup.ID(), Namespaces: t.Namespaces, Since: t.Since.Time, Attempts: t.Attempts, Error: t.LastError, Next: backup.NextThaw(t)})
		oldest = max(oldest, w.Now().Sub(t.Since.Time))
	}
	w.Emit(ctx, nil,
		home.Metric{Name: "ThawOwed", Unit: "Count", Value: float64(len(a.Owed))},
		home.Metric{Name: "ThawOwedAge", Unit: "Seconds", Value: oldest.Seconds()},
		home.Metric{Name: "ThawPaid", Unit: "Count", Value: float64(a.Paid)},
		home.Metric{Name: "BackupFailed", Unit: "Count", Value: float64(a.GivenUp)})
	return a
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// alarm logs which application may be frozen, since when, and what to do.
func (w *Watchdog) alarm(ctx context.Context, b *salvor.Backup, why error) {
	t := b.Status.Thaw
	w.Log.ErrorContext(ctx, "an application may be frozen: its thaw failed", "cluster", b.Status.ClusterID, "namespaces", strings.Join(t.Namespaces, ","),
		"backup", b.Name, "since", t.Since.UTC(), "attempts", t.Attempts, "error", why, "next_attempt", backup.NextThaw(t).UTC(),
		"do", "mend what the error names, and the next attempt thaws; or let the application go on by hand: salvor describe backup "+b.Name+" shows what the thaw runs")
}
