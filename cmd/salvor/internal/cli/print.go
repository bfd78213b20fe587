package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"k8s.io/apimachinery/pkg/util/duration"

	"salvor.io/salvor/shared/salvor"
)

// time prints a time in the user's zone, with the zone.
func (a *app) time(t time.Time) string { return timeIn(t, a.sys.Zone) }

func timeIn(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("2006-01-02 15:04:05 MST")
}

// age prints how long ago something was.
func (a *app) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return duration.HumanDuration(a.sys.Now().Sub(t))
}

// took prints a duration that was measured.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// count prints a number and its noun: 1 object, 2,000 objects.
func count[N int | int64](n N, noun string) string {
	s := humanize.Comma(int64(n)) + " " + noun
	if n != 1 {
		s += "s"
	}
	return s
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

// capacity prints the size of a volume, in the units of Kubernetes.
func capacity(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// namespaceList prints a few names, and how many more there are.
func namespaceList(names []string) string {
	const most = 4
	if len(names) == 0 {
		return "-"
	}
	if len(names) <= most {
		return strings.Join(names, ",")
	}
	return fmt.Sprintf("%s,… (%d)", strings.Join(names[:most-1], ","), len(names))
}

// colour codes of ECMA-48.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func colour(code, s string) string { return "\x1b[" + code + "m" + s + "\x1b[0m" }

// phaseColour tells good from bad at a glance; the word says it too.
func phaseColour(p salvor.Phase) string {
	switch p {
	case salvor.PhaseCompleted:
		return green
	case salvor.PhaseFailed:
		return red
	case salvor.PhasePartiallyFailed, salvor.PhaseCanceled, salvor.PhaseDeleting:
		return yellow
	}
	return ""
}
