package backup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// ScopeObject is one object that a backup takes, and why.
type ScopeObject struct {
	// Kind as resource.group.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Reason    string `json:"reason"`
}

// LeftObject is one object that was chosen or needed and is left out.
type LeftObject struct {
	ScopeObject
	// Wanted says what it was wanted for.
	Wanted string `json:"wanted"`
}

// ScopeReport is what a scope takes at one moment.
type ScopeReport struct {
	Cluster string `json:"cluster"`
	// Revision of the cluster at which everything was read.
	Revision string `json:"revision"`
	// Namespaces that objects are taken of, sorted.
	Namespaces []string      `json:"namespaces"`
	Objects    []ScopeObject `json:"objects"`
	// Left are objects that are left out although they were chosen or needed; only of scopes with a closure.
	Left []LeftObject `json:"left,omitempty"`
	// Excluded counts what is left out, by kind and reason.
	Excluded []archive.Excluded `json:"excluded,omitempty"`
	// NotFollowed are references to what is not taken, Missing those to what does not exist.
	NotFollowed []Reference `json:"notFollowed,omitempty"`
	Missing     []Reference `json:"missing,omitempty"`
	// Failures are what could not be read.
	Failures []salvor.Failure `json:"failures,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
}

// Scope reads what a backup of the scope would take if it were made now. It records nothing, stores nothing and changes
// nothing. Invalid: the scope has mistakes, or chooses nothing and asks to fail then.
func (e *Engine) Scope(ctx context.Context, cluster string, scope salvor.Scope) (*ScopeReport, error) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Spec.Cluster, b.Spec.Scope = cluster, scope
	b.Default()
	if errs := scope.Validate(field.NewPath("spec", "scope")); len(errs) > 0 {
		return nil, salvor.Errorf(salvor.Invalid, "%w", errs.ToAggregate())
	}
	if _, err := e.Catalog.Get(ctx, salvor.KindCluster, cluster); err != nil {
		return nil, missing(err, "spec.cluster", "cluster", cluster)
	}
	r, err := e.dryRun(ctx, b)
	if err != nil {
		return nil, err
	}
	revision, err := r.newestRevision(ctx)
	if err != nil {
		return nil, fmt.Errorf("noting a revision: %w", err)
	}
	if err := r.settleNamespaces(ctx, revision); err != nil {
		return nil, err
	}
	report := &ScopeReport{Cluster: cluster, Revision: revision, Objects: []ScopeObject{}}
	c := r.newCapture(revision)
	var mu sync.Mutex
	c.show = func(o ScopeObject) {
		mu.Lock()
		defer mu.Unlock()
		report.Objects = append(report.Objects, o)
	}
	if err := c.all(ctx); err != nil {
		return nil, err
	}
	c.tell(report)
	return report, nil
}

// tell completes the report with what the capture found out.
func (c *capture) tell(report *ScopeReport) {
	slices.SortFunc(report.Objects, func(a, b ScopeObject) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	report.Namespaces, report.Failures, report.Warnings = c.namespaces, c.manifest.Failures, c.manifest.Warnings
	report.Excluded = c.excludedList()
	if !c.selection.Closes() {
		return
	}
	result := c.gathered.result
	report.Missing, report.NotFollowed = references(result.Missing), references(result.Outside)
	for _, l := range result.Left {
		report.Left = append(report.Left, LeftObject{ScopeObject{l.ID.Kind, l.ID.Namespace, l.ID.Name, l.Reason}, l.Wanted})
	}
}

// excludedList is what was left out, by kind and reason, sorted.
func (c *capture) excludedList() []archive.Excluded {
	var list []archive.Excluded
	for e, n := range c.excluded {
		e.Objects = n
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b archive.Excluded) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// dryRun prepares a run that records nothing and knows no location.
func (e *Engine) dryRun(ctx context.Context, b *salvor.Backup) (*run, error) {
	site, err := e.Open(ctx, b)
	if err != nil {
		return nil, err
	}
	r := &run{Engine: e, tuning: e.Tuning.withDefaults(), spec: b.Spec, name: b.Name, site: place{Site: site}}
	r.report.r.Retries = map[string]int{}
	return r, r.plan(ctx)
}
