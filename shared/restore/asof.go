package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// asOf finds, for each namespace that is asked for, the newest good backup at or before a time.
type asOf struct {
	e      *Engine
	spec   salvor.RestoreSpec
	chosen map[string]*salvor.Backup
	gone   map[string]*salvor.Backup
}

func (e *Engine) planAsOf(ctx context.Context, p *Plan) error {
	globs, err := salvor.CompileGlobs(p.Spec.Namespaces)
	if err != nil {
		return salvor.Errorf(salvor.Invalid, "spec.namespaces: %w", err)
	}
	a := &asOf{e: e, spec: p.Spec, chosen: map[string]*salvor.Backup{}, gone: map[string]*salvor.Backup{}}
	var patterns salvor.Globs
	for _, g := range globs {
		if name, plain := g.Literal(); !plain {
			patterns = append(patterns, g)
		} else if err := a.choose(ctx, name); err != nil {
			return err
		}
	}
	if err := a.scan(ctx, patterns); err != nil {
		return err
	}
	p.Sources = a.sources()
	for _, ns := range sortedKeys(a.gone) {
		b := a.gone[ns]
		p.Warnings = append(p.Warnings, fmt.Sprintf("namespace %q is left out: backup %q of %s covers it and does not hold it, so it was gone by then; name it in full to bring it back", ns, b.Name, date(b)))
	}
	return nil
}

func (a *asOf) phases() []salvor.Phase {
	if a.spec.AllowPartial {
		return []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed}
	}
	return []salvor.Phase{salvor.PhaseCompleted}
}

// before is the query for backups at or before the time. Its end is exclusive, and dates may be coarser than times:
// whoever uses it drops what is later.
func (a *asOf) before(phases ...salvor.Phase) catalog.Query {
	return catalog.Query{ClusterID: a.spec.SourceCluster, To: a.spec.AsOf.Add(time.Second), Phases: phases}
}

// choose takes the newest usable backup of a namespace that is named in full.
func (a *asOf) choose(ctx context.Context, ns string) error {
	var b *salvor.Backup
	var err error
	if a.spec.AllowPartial {
		b, err = a.newest(ctx, ns, a.phases()...)
	} else {
		b, err = a.e.Catalog.NewestGood(ctx, a.spec.SourceCluster, ns, a.spec.AsOf.Time)
	}
	if salvor.Is(err, salvor.NotFound) {
		return a.missing(ctx, ns)
	}
	if err != nil {
		return fmt.Errorf("finding the newest good backup of namespace %q: %w", ns, err)
	}
	a.chosen[ns] = b
	return nil
}

// newest returns the newest backup of the namespace in one of the phases, at or before the time.
func (a *asOf) newest(ctx context.Context, ns string, phases ...salvor.Phase) (*salvor.Backup, error) {
	q := a.before(phases...)
	q.Namespace, q.Limit = ns, 10
	for {
		page, err := a.e.Catalog.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, b := range page.Backups {
			if !b.Date().After(a.spec.AsOf.Time) {
				return b, nil
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil, salvor.Errorf(salvor.NotFound, "no backup of namespace %q", ns)
		}
	}
}

// missing makes the error for a namespace without usable backup, which names what comes nearest.
func (a *asOf) missing(ctx context.Context, ns string) error {
	e := salvor.Errorf(salvor.NotFound, "namespace %q of cluster %q has no Completed backup at or before %s", ns, a.spec.SourceCluster, a.spec.AsOf.UTC().Format(time.RFC3339))
	var near []string
	if b, err := a.newest(ctx, ns, salvor.PhasePartiallyFailed); err == nil && !a.spec.AllowPartial {
		near = append(near, fmt.Sprintf("%q of %s, which is not whole (--allow-partial)", b.Name, date(b)))
	}
	if b := a.firstAfter(ctx, ns); b != nil {
		near = append(near, fmt.Sprintf("%q of %s", b.Name, date(b)))
	}
	if len(near) == 0 {
		return e.WithHint("no backup holds it; salvor backups --namespace %s shows what there is", ns)
	}
	return e.WithHint("nearest are %s", strings.Join(near, " and "))
}

// firstAfter looks for the first good backup of the namespace after the time, in growing spans: a search is newest first.
func (a *asOf) firstAfter(ctx context.Context, ns string) *salvor.Backup {
	from := a.spec.AsOf.Time
	for _, span := range []time.Duration{time.Hour, 24 * time.Hour, 30 * 24 * time.Hour, 100 * 365 * 24 * time.Hour} {
		q := catalog.Query{ClusterID: a.spec.SourceCluster, Namespace: ns, From: from, To: from.Add(span), Phases: a.phases(), Limit: 1000}
		var last *salvor.Backup
		for more := true; more; more = q.Cursor != "" {
			page, err := a.e.Catalog.Search(ctx, q)
			if err != nil {
				return nil // only a hint is lost
			}
			if n := len(page.Backups); n > 0 {
				last = page.Backups[n-1]
			}
			q.Cursor = page.Next
		}
		if last != nil {
			return last
		}
	}
	return nil
}

// scan walks back in time and takes each namespace that a pattern matches from the first backup that holds it. A
// namespace that a newer backup covers and doesn't hold was gone by then. The walk ends at a backup that covers all
// that the patterns can mean: whatever is not known by then was gone, too.
func (a *asOf) scan(ctx context.Context, patterns salvor.Globs) error {
	if len(patterns) == 0 {
		return nil
	}
	q := a.before(a.phases()...)
	q.Limit = 200
	walk := walk{a: a, patterns: patterns, scopes: map[string]*covering{}}
	for {
		page, err := a.e.Catalog.Search(ctx, q)
		if err != nil {
			return fmt.Errorf("searching for namespaces: %w", err)
		}
		for _, b := range page.Backups {
			if b.Date().After(a.spec.AsOf.Time) {
				continue
			}
			if done := walk.visit(b); done {
				return walk.check()
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return walk.check()
		}
	}
}

// walk is the state of a scan.
type walk struct {
	a        *asOf
	patterns salvor.Globs
	scopes   map[string]*covering
	seen     []string // namespaces of the newest backups, for a message
}

// covering is a scope by namespaces that a backup had, and the newest backup that had it.
type covering struct {
	include, exclude salvor.Globs
	backup           *salvor.Backup
}

func (w *walk) visit(b *salvor.Backup) (done bool) {
	for _, ns := range b.Status.Namespaces {
		if len(w.seen) < 100 && !slices.Contains(w.seen, ns) {
			w.seen = append(w.seen, ns)
		}
		if !w.patterns.Match(ns) || w.a.chosen[ns] != nil || w.a.gone[ns] != nil {
			continue
		}
		if by := w.covered(ns); by != nil {
			w.a.gone[ns] = by
			continue
		}
		w.a.chosen[ns] = b
	}
	if b.Status.Phase != salvor.PhaseCompleted {
		return false // what it lacks may have failed
	}
	return w.learn(b)
}

// covered returns the newest backup that covers the namespace by its name.
func (w *walk) covered(ns string) *salvor.Backup {
	var newest *salvor.Backup
	for _, c := range w.scopes {
		if c.include.Match(ns) && !c.exclude.Match(ns) && (newest == nil || c.backup.Date().After(newest.Date())) {
			newest = c.backup
		}
	}
	return newest
}

// learn remembers the scope and reports whether it covers all the patterns.
func (w *walk) learn(b *salvor.Backup) bool {
	scope := b.Spec.Scope
	key := strings.Join(scope.Namespaces, " ") + "\n" + strings.Join(scope.ExcludeNamespaces, " ")
	if w.scopes[key] == nil {
		include, err1 := salvor.CompileGlobs(scope.Namespaces)
		exclude, err2 := salvor.CompileGlobs(scope.ExcludeNamespaces)
		if err1 != nil || err2 != nil {
			return false
		}
		w.scopes[key] = &covering{include, exclude, b}
	}
	if len(scope.ExcludeNamespaces) > 0 {
		return false
	}
	for _, p := range w.patterns {
		if !slices.Contains(scope.Namespaces, "*") && !slices.Contains(scope.Namespaces, p.String()) {
			return false
		}
	}
	return true
}

// check reports patterns that chose nothing.
func (w *walk) check() error {
	for _, p := range w.patterns {
		if !slices.ContainsFunc(sortedKeys(w.a.chosen), p.Match) {
			slices.Sort(w.seen)
			return salvor.Errorf(salvor.NotFound, "no namespace in a good backup of cluster %q at or before %s matches %q", w.a.spec.SourceCluster, w.a.spec.AsOf.UTC().Format(time.RFC3339), p).
				WithHint("backups hold %s", some(w.seen))
		}
	}
	return nil
}

// sources groups the chosen namespaces by backup, newest first.
func (a *asOf) sources() []*Source {
	byID := map[salvor.BackupID]*Source{}
	var list []*Source
	for _, ns := range sortedKeys(a.chosen) {
		b := a.chosen[ns]
		s := byID[b.ID()]
		if s == nil {
			s = &Source{Backup: b}
			byID[b.ID()] = s
			list = append(list, s)
		}
		s.Namespaces = append(s.Namespaces, ns)
	}
	slices.SortStableFunc(list, func(x, y *Source) int { return y.Backup.Date().Compare(x.Backup.Date()) })
	return list
}

func date(b *salvor.Backup) string { return b.Date().UTC().Format(time.RFC3339) }
