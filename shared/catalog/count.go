package catalog

import (
	"context"
	"slices"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// MaxBounds is how many bounds one Count takes: the days of a year and a bit more.
const MaxBounds = 400

// Tally counts backups.
type Tally struct {
	Backups int                  `json:"backups"`
	Phases  map[salvor.Phase]int `json:"phases,omitempty"`
}

// Add counts n more backups in the phase.
func (t *Tally) Add(p salvor.Phase, n int) {
	if t.Phases == nil {
		t.Phases = map[salvor.Phase]int{}
	}
	t.Backups += n
	t.Phases[p] += n
}

// Counter counts backups between bounds.
type Counter struct {
	// Filter is of the whole span.
	Filter  *Filter
	Tallies []Tally

	bounds []int64 // in Unix microseconds
}

// NewCounter makes a Count ready. Invalid: the query can't be understood, or the bounds are too few, too many, or do not
// ascend.
func NewCounter(q Query, bounds []time.Time) (*Counter, error) {
	if len(bounds) < 2 || len(bounds) > MaxBounds {
		return nil, salvor.Errorf(salvor.Invalid, "%d bounds can't be counted between: 2 to %d are taken", len(bounds), MaxBounds)
	}
	if !slices.IsSortedFunc(bounds, time.Time.Compare) {
		return nil, salvor.Errorf(salvor.Invalid, "the bounds of a count do not ascend")
	}
	q.From, q.To, q.Cursor, q.Limit, q.OldestFirst = bounds[0], bounds[len(bounds)-1], "", MaxLimit, false
	f, err := NewFilter(q)
	if err != nil {
		return nil, err
	}
	c := &Counter{Filter: f, Tallies: make([]Tally, len(bounds)-1)}
	for _, b := range bounds {
		c.bounds = append(c.bounds, ceilMicro(b))
	}
	return c, nil
}

// Plain reports whether date, index and phase alone tell what is counted.
func (c *Counter) Plain() bool {
	return !c.Filter.needsMore() && (c.Filter.name == nil || c.Filter.Index == ByName) &&
		(c.Filter.Query.ClusterID == "" || c.Filter.Index == ByCluster || c.Filter.Index == ByClusterNamespace)
}

// Add counts n backups of a date, in Unix microseconds, unless the date or the phase is none that is asked for.
func (c *Counter) Add(micro int64, p salvor.Phase, n int) {
	if phases := c.Filter.Query.Phases; len(phases) > 0 && !slices.Contains(phases, p) {
		return
	}
	i, at := slices.BinarySearch(c.bounds, micro)
	for at && i+1 < len(c.bounds) && c.bounds[i+1] == micro {
		i++ // of several bounds at one moment the last
	}
	if !at {
		i--
	}
	if i >= 0 && i < len(c.Tallies) {
		c.Tallies[i].Add(p, n)
	}
}

// Span returns the dates that the ith tally is of, in Unix microseconds: from <= date < to.
func (c *Counter) Span(i int) (from, to int64) { return c.bounds[i], c.bounds[i+1] }

// BySearch counts what a search finds, for conditions that only backups themselves answer.
func (c *Counter) BySearch(ctx context.Context, backups Backups) error {
	for q := c.Filter.Query; ; {
		page, err := backups.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, b := range page.Backups {
			c.Add(PositionOf(b).Micro, b.Status.Phase, 1)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}
