package backup

import (
	"fmt"
	"strings"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// How often a backup that settles is looked at: after a tenth of its age, but for these bounds. A state machine has 25,000
// entries of history, of which a look takes a dozen: with the last bound they last for the seven days that settling may take.
const (
	soonestLook = 5 * time.Second
	latestLook  = 5 * time.Minute
	slowLook    = 15 * time.Minute // of what takes longer than a day
)

// NextLook is when to look again at a backup that is Settling.
func NextLook(b *salvor.Backup) time.Time {
	s := b.Status
	if s.LookedAt.IsZero() {
		return s.CutAt.Time
	}
	age := s.LookedAt.Sub(s.CutAt.Time)
	wait := min(max(age/10, soonestLook), latestLook)
	if age > 24*time.Hour {
		wait = slowLook
	}
	next := s.LookedAt.Add(wait)
	if by := s.SettleBy.Time; next.After(by) && by.After(s.LookedAt.Time) {
		return by
	}
	return next
}

// Forgotten reports whether nobody looks at a backup of this catalog that is Settling any more.
func Forgotten(b *salvor.Backup, now time.Time) bool {
	last := b.Status.LookedAt.Time
	if last.IsZero() {
		last = b.Status.CutAt.Time
	}
	return b.Status.Phase == salvor.PhaseSettling && !b.Foreign() && now.After(NextLook(b)) && now.Sub(last) > 2*slowLook
}

// mostNamed is how many volumes a message names.
const mostNamed = 3

// settlingMessage says how far the snapshots are.
func settlingMessage(sight volume.Sight, looking error) string {
	n := archive.Count(sight.Volumes)
	waiting := sight.Waiting()
	text := fmt.Sprintf("%d of %s ready; waiting for %s", n.Ready, salvor.Count(n.Cut, "snapshot"), strings.Join(waiting[:min(len(waiting), mostNamed)], ", "))
	if more := len(waiting) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if looking != nil {
		return text + "; the cluster can't be asked: " + looking.Error()
	}
	for _, name := range waiting {
		if note := sight.Notes[name]; note != "" {
			return text + "; of " + name + ": " + note
		}
	}
	return text
}
