package retention

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/salvor"
)

// reasons are those to keep a backup that is the next newest of its series, without regard to other series.
func (p *plan) reasons(b *salvor.Backup) []string {
	switch {
	case !b.Status.Phase.Done():
		return []string{"is still being made"}
	case b.Spec.Schedule == "":
		return append([]string{"was asked for by hand"}, kept(b)...)
	case p.policy.KeepsAll():
		return append([]string{"the policy keeps everything"}, kept(b)...)
	}
	var rs []string
	c := p.countOf(b)
	if c.met++; c.met <= p.policy.Last {
		rs = append(rs, fmt.Sprintf("is number %d of the newest %d that are %s", c.met, p.policy.Last, result(b)))
	}
	rs = append(rs, p.byCalendar(b, c)...)
	if w := p.policy.Within.Duration; w > 0 && b.Date().After(p.now.Add(-w)) {
		rs = append(rs, "is younger than "+w.String())
	}
	if p.matching != nil && p.matching.Matches(labels.Set(b.Labels)) {
		rs = append(rs, "its labels match "+p.matching.String())
	}
	return append(rs, kept(b)...)
}

// kept says why a backup stays whatever the policy is.
func kept(b *salvor.Backup) []string {
	var rs []string
	if h := b.Status.Hold; h != nil {
		r := "is held"
		if h.By != "" {
			r += " by " + h.By
		}
		if h.Reason != "" {
			r += ": " + h.Reason
		}
		rs = append(rs, r)
	}
	if b.Status.Thaw != nil {
		rs = append(rs, "still owes a thaw")
	}
	return rs
}

// byCalendar are the units of the calendar of which the backup is the newest.
func (p *plan) byCalendar(b *salvor.Backup, c *count) []string {
	var rs []string
	at := b.Date().In(p.zone)
	for i, cal := range calendars {
		n, u := cal.keeps(p.policy), &c.units[i]
		if n <= u.filled {
			continue
		}
		if name := cal.name(at); name != u.newest || u.filled == 0 {
			u.newest = name
			u.filled++
			rs = append(rs, fmt.Sprintf("is the newest that is %s of %s, %d of %s", result(b), name, u.filled, salvor.Count(n, cal.unit)))
		}
	}
	return rs
}

// expired says why no rule keeps a backup: the same of all that ended alike.
func (p *plan) expired(b *salvor.Backup) string {
	why, ok := p.gone[result(b)]
	if !ok {
		why = p.explain(b)
		p.gone[result(b)] = why
	}
	return why
}

func (p *plan) explain(b *salvor.Backup) string {
	var rs []string
	if p.policy.Last > 0 {
		rs = append(rs, fmt.Sprintf("is not among the newest %d that are %s", p.policy.Last, result(b)))
	}
	var spans []string
	for _, cal := range calendars {
		if n := cal.keeps(p.policy); n > 0 {
			spans = append(spans, salvor.Count(n, cal.unit))
		}
	}
	if len(spans) > 0 {
		rs = append(rs, fmt.Sprintf("is not the newest that is %s of one of the newest %s", result(b), strings.Join(spans, ", ")))
	}
	if w := p.policy.Within.Duration; w > 0 {
		rs = append(rs, "is not younger than "+w.String())
	}
	if p.matching != nil {
		rs = append(rs, "its labels do not match "+p.matching.String())
	}
	return strings.Join(rs, " and ")
}

// matching is the policy's selector; nil when it keeps nothing, also when it can't be understood, which Validate refuses.
func matching(policy salvor.Retention) labels.Selector {
	if policy.Matching == nil {
		return nil
	}
	s, err := metav1.LabelSelectorAsSelector(policy.Matching)
	if err != nil {
		return labels.Everything() // to keep too much is the lesser evil
	}
	return s
}

// unit is the unit of a calendar that was filled last, of so many.
type unit struct {
	newest string
	filled int
}

// calendars are the rules that keep one backup of each unit of time.
var calendars = []struct {
	unit  string
	keeps func(salvor.Retention) int
	// name tells one unit from any other.
	name func(time.Time) string
}{
	// The offset tells the hour that comes twice, when clocks go back, from itself.
	{"hour", func(r salvor.Retention) int { return r.Hourly }, func(t time.Time) string { return t.Format("2006-01-02 15h -07:00") }},
	{"day", func(r salvor.Retention) int { return r.Daily }, func(t time.Time) string { return t.Format("2006-01-02") }},
	{"week", func(r salvor.Retention) int { return r.Weekly }, func(t time.Time) string {
		year, week := t.ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	}},
	{"month", func(r salvor.Retention) int { return r.Monthly }, func(t time.Time) string { return t.Format("2006-01") }},
	{"year", func(r salvor.Retention) int { return r.Yearly }, func(t time.Time) string { return t.Format("2006") }},
}
