package httpapi

import (
	"net/http"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/dates"
	"salvor.io/salvor/shared/salvor"
)

// calendarDay is one day of a calendar.
type calendarDay struct {
	// Date is the day in the zone, Start its first instant and End the first of the next day.
	Date  string    `json:"date"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	catalog.Tally
}

// calendar counts backups by day: those of the present month, unless the request says when.
func (s *Server) calendar(r *http.Request) (*reply, error) {
	v := r.URL.Query()
	if err := onlyThese(v, conditions...); err != nil {
		return nil, err
	}
	q, err := s.query(v)
	if err != nil {
		return nil, err
	}
	zone, err := zone(v)
	if err != nil {
		return nil, err
	}
	days, err := calendarDays(q.From, q.To, s.Now(), zone)
	if err != nil {
		return nil, err
	}
	if len(days) == 0 {
		return nil, salvor.Errorf(salvor.Invalid, "the calendar ends at %s, before it begins at %s", q.To.Format(time.RFC3339), q.From.Format(time.RFC3339)).
			WithHint("exchange the two dates")
	}
	bounds := []time.Time{days[0].Start}
	for _, d := range days {
		bounds = append(bounds, d.End)
	}
	tallies, err := s.Catalog.Count(r.Context(), q, bounds)
	if err != nil {
		return nil, err
	}
	list := make([]calendarDay, len(days))
	for i, d := range days {
		list[i] = calendarDay{Date: d.Start.In(zone).Format(time.DateOnly), Start: d.Start.UTC(), End: d.End.UTC(), Tally: tallies[i]}
	}
	return &reply{status: http.StatusOK, body: struct {
		Zone string        `json:"zone"`
		Days []calendarDay `json:"days"`
	}{zone.String(), list}}, nil
}

// calendarDays are whole days: what is asked for, or as much as can be told of it, the present month.
func calendarDays(from, to, now time.Time, zone *time.Location) ([]dates.Span, error) {
	month := dates.Month(now, zone)
	switch {
	case from.IsZero() && to.IsZero():
		from, to = month.Start, month.End
	case from.IsZero():
		from = dates.Month(to.Add(-1), zone).Start
	case to.IsZero():
		if to = now; !to.After(from) {
			to = from.Add(1)
		}
	}
	return dates.Days(from, to, zone)
}
