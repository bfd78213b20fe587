package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/dates"
	"salvor.io/salvor/shared/salvor"
)

// calendarDay is a day as it is printed in JSON.
type calendarDay struct {
	Date string `json:"date"`
	catalog.Tally
}

// calendar prints how many backups each day has, of those that match: of the present month, unless the flags say when.
func (a *app) calendar(ctx context.Context, h *home.Home, q catalog.Query, zone *time.Location, out output) error {
	if err := out.withoutNames("without --calendar it prints the backups"); err != nil {
		return err
	}
	month := dates.Month(a.sys.Now(), zone)
	from, to := q.From, q.To
	switch {
	case from.IsZero() && to.IsZero():
		from, to = month.Start, month.End
	case from.IsZero():
		from = dates.Month(to.Add(-1), zone).Start
	case to.IsZero():
		to = a.sys.Now()
	}
	days, err := dates.Days(from, to, zone)
	if err != nil {
		return err
	}
	if len(days) == 0 {
		return salvor.Errorf(salvor.Invalid, "there is no day to count in")
	}
	bounds := []time.Time{days[0].Start}
	for _, d := range days {
		bounds = append(bounds, d.End)
	}
	tallies, err := h.Catalog.Count(ctx, q, bounds)
	if err != nil {
		return err
	}
	if !out.table() {
		list := struct {
			Zone string        `json:"zone"`
			Days []calendarDay `json:"days"`
		}{Zone: zone.String()}
		for i, d := range days {
			list.Days = append(list.Days, calendarDay{d.Start.In(zone).Format(time.DateOnly), tallies[i]})
		}
		return a.value(out, list)
	}
	return a.printCalendar(days, tallies, zone)
}

// calendarPhases are the columns of a calendar; what is in none of them runs.
var calendarPhases = []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed, salvor.PhaseFailed}

func (a *app) printCalendar(days []dates.Span, tallies []catalog.Tally, zone *time.Location) error {
	t := table{colours: a.sys.colours(a.sys.Stdout), head: []string{"DAY", "", "BACKUPS"}}
	for _, p := range calendarPhases {
		t.head = append(t.head, strings.ToUpper(string(p)))
	}
	t.head = append(t.head, "OTHER")
	all := 0
	for i, d := range days {
		day, tally := d.Start.In(zone), tallies[i]
		row := plain(day.Format(time.DateOnly), day.Weekday().String()[:3], number(tally.Backups))
		other := tally.Backups
		for _, p := range calendarPhases {
			n := tally.Phases[p]
			other -= n
			c := cell{text: number(n)}
			if n > 0 {
				c.colour = phaseColour(p)
			}
			row = append(row, c)
		}
		t.rows = append(t.rows, append(row, plain(number(other))...))
		all += tally.Backups
	}
	if err := t.write(a.sys.Stdout); err != nil {
		return err
	}
	fmt.Fprintf(a.sys.Stderr, "%s on %s of %s\n", count(all, "backup"), count(len(days), "day"), zone)
	return nil
}

// number leaves days without backups to be seen at a glance.
func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
