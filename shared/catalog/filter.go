package catalog

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/salvor"
)

// DefaultLimit and MaxLimit are the sizes of a page, of backups or of objects.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Index is an order in which an implementation can walk backups, newest first.
type Index int

// The indexes: all backups, or those that share what the name says.
const (
	ByDate Index = iota
	ByCluster
	ByNamespace
	ByClusterNamespace
	BySchedule
	ByName
)

// Filter is a Query that was checked and made ready to run.
type Filter struct {
	// Query is what was asked for, with its limit filled in.
	Query Query
	// Index is the narrowest index that holds every match.
	Index Index
	// After is the place after which matches begin.
	After Position
	// Oldest is the oldest date that matches, in Unix microseconds.
	Oldest int64
	// Before is the place before which matches end, in the order of newest first; nil: at the oldest date. Only a search
	// for the oldest first that goes on after a page has one.
	Before *Position

	app         labels.Set
	name        *salvor.Glob // nil: any
	selector    labels.Selector
	fingerprint string
}

// NewFilter makes a query ready. Invalid: a condition or the cursor can't be understood.
func NewFilter(q Query) (*Filter, error) {
	limit, err := CheckLimit(q.Limit)
	if err != nil {
		return nil, err
	}
	q.Limit = limit
	f := &Filter{Query: q, Oldest: MinMicro}
	if f.selector, err = labels.Parse(q.Labels); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "the label selector %q can't be read: %w", q.Labels, err)
	}
	if q.App != "" {
		if f.app, err = labels.ConvertSelectorToLabelsMap(q.App); err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "the labels of an application %q can't be read: %w", q.App, err).WithHint("such as app=shop")
		}
	}
	if q.Name != "" {
		if f.name, err = salvor.CompileGlob(q.Name); err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "the name of a backup to search: %w", err)
		}
	}
	for _, p := range q.Phases {
		if !slices.Contains(salvor.Phases(), p) {
			return nil, salvor.Errorf(salvor.Invalid, "unknown phase %q: choose of %v", p, salvor.Phases())
		}
	}
	f.Index = f.index()
	return f, f.bound()
}

// ExactName returns the only name that matches, and false when there may be several.
func (f *Filter) ExactName() (string, bool) {
	if f.name == nil {
		return "", false
	}
	return f.name.Literal()
}

// CheckLimit returns the limit to use for the one asked for. Invalid: it is negative or above MaxLimit.
func CheckLimit(limit int) (int, error) {
	if limit < 0 || limit > MaxLimit {
		return 0, salvor.Errorf(salvor.Invalid, "the limit %d is not between 1 and %d", limit, MaxLimit)
	}
	if limit == 0 {
		limit = DefaultLimit
	}
	return limit, nil
}

func (f *Filter) index() Index {
	q := f.Query
	switch _, exact := f.ExactName(); {
	case exact:
		return ByName
	case q.Schedule != "":
		return BySchedule
	case q.Namespace != "" && q.ClusterID != "":
		return ByClusterNamespace
	case q.Namespace != "":
		return ByNamespace
	case q.ClusterID != "":
		return ByCluster
	}
	return ByDate
}

// bound works out where matches begin and end.
func (f *Filter) bound() error {
	q := f.Query
	if !q.From.IsZero() && !q.To.IsZero() && q.From.After(q.To) {
		return salvor.Errorf(salvor.Invalid, "the search goes from %s to %s, which is before it", q.From, q.To)
	}
	for _, t := range []int{q.From.UTC().Year(), q.To.UTC().Year()} {
		if t < 1 || t > 9999 {
			return salvor.Errorf(salvor.Invalid, "the year %d is not between 1 and 9999", t)
		}
	}
	f.fingerprint = fingerprint(q)
	f.After = Position{Micro: MaxMicro}
	if !q.From.IsZero() {
		f.Oldest = ceilMicro(q.From)
	}
	if !q.To.IsZero() {
		f.After.Micro = ceilMicro(q.To) - 1
	}
	if q.Cursor == "" {
		return nil
	}
	p, err := f.positionOf(q.Cursor)
	if err != nil {
		return err
	}
	switch {
	case q.OldestFirst:
		f.Before = &p
	case p.Compare(f.After) > 0:
		f.After = p
	}
	return nil
}

// NeedsBackup reports whether a condition is left that only the backup itself answers.
func (f *Filter) NeedsBackup() bool { return len(f.Query.Phases) > 0 || f.needsMore() }

// needsMore reports whether a condition is left that neither the index answers nor the phase.
func (f *Filter) needsMore() bool {
	q := f.Query
	return !f.selector.Empty() || len(f.app) > 0 ||
		q.Schedule != "" && f.Index != BySchedule ||
		q.Namespace != "" && f.Index != ByNamespace && f.Index != ByClusterNamespace
}

// Narrows reports whether a condition is left that the index does not answer, so that hits may be passed over.
func (f *Filter) Narrows() bool {
	q := f.Query
	return f.NeedsBackup() || f.NarrowsByName() ||
		q.ClusterID != "" && f.Index != ByCluster && f.Index != ByClusterNamespace
}

// NarrowsByName reports whether hits are passed over for their names.
func (f *Filter) NarrowsByName() bool { return f.name != nil && f.Index != ByName }

// MatchID reports whether a backup of that identity can match.
func (f *Filter) MatchID(id salvor.BackupID) bool {
	q := f.Query
	if q.ClusterID != "" && id.ClusterID != q.ClusterID {
		return false
	}
	return f.name == nil || f.name.Match(id.Name)
}

// Match reports whether the backup matches every condition, wherever the cursor stands.
func (f *Filter) Match(b *salvor.Backup) bool {
	q := f.Query
	date := PositionOf(b).Micro
	return date >= f.Oldest && (q.To.IsZero() || date < ceilMicro(q.To)) &&
		f.MatchID(b.ID()) &&
		(q.Namespace == "" || slices.Contains(b.Status.Namespaces, q.Namespace)) &&
		(q.Schedule == "" || b.Spec.Schedule == q.Schedule) &&
		(len(q.Phases) == 0 || slices.Contains(q.Phases, b.Status.Phase)) &&
		f.selector.Matches(labels.Set(b.Labels)) &&
		(len(f.app) == 0 || choosesApp(&b.Spec.Scope, f.app))
}
