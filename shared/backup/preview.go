package backup

import (
	"context"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// Preview is what a backup would take if it began now.
type Preview struct {
	Namespaces []string `json:"namespaces"`
	// Missing are namespaces that the scope names and that do not exist.
	Missing []string `json:"missing,omitempty"`
	// Kinds that would be read; of those without namespace only what is needed, unless the scope takes all.
	Kinds []cluster.Resource `json:"kinds"`
	// Excluded are kinds that are left out by themselves, with the reason.
	Excluded []selection.Exclusion `json:"excluded,omitempty"`
	Failures []salvor.Failure      `json:"failures,omitempty"`
	Warnings []string              `json:"warnings,omitempty"`
	// Volumes are those that would be cut, which have no State yet, and the others with their reasons.
	Volumes []archive.Volume `json:"volumes,omitempty"`
}

// Preview finds out what the backup would take, records nothing and changes nothing.
func (e *Engine) Preview(ctx context.Context, b *salvor.Backup) (*Preview, error) {
	b.Default()
	if errs := b.Validate(); len(errs) > 0 {
		return nil, salvor.Errorf(salvor.Invalid, "backup %q: %w", b.Name, errs.ToAggregate())
	}
	if err := e.resolve(ctx, b); err != nil {
		return nil, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	r, err := e.dryRun(ctx, b)
	if err != nil {
		return nil, err
	}
	p := &Preview{Kinds: r.read(), Failures: r.manifest.Failures, Warnings: r.manifest.Warnings}
	n, err := r.chooseNamespaces(ctx, "")
	if err != nil {
		return nil, err
	}
	p.Namespaces, p.Missing = n.Chosen, n.Missing
	if err := r.planVolumes(ctx); err != nil {
		return nil, err
	}
	p.Volumes = r.volumes
	for _, res := range r.served {
		if take, reason := r.selection.Kind(res); !take && reason != "" {
			p.Excluded = append(p.Excluded, selection.Exclusion{Kind: res.String(), Reason: reason})
		}
	}
	return p, nil
}

// Namespaces finds those that the backup would choose now, and those that its scope names and that do not exist.
func (e *Engine) Namespaces(ctx context.Context, b *salvor.Backup) (chosen, missing []string, err error) {
	b.Default()
	r, err := e.dryRun(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	n, err := r.chooseNamespaces(ctx, "")
	return n.Chosen, n.Missing, err
}

// read returns the kinds that the scope lets the capture read.
func (r *run) read() []cluster.Resource {
	return slices.DeleteFunc(slices.Clone(r.kinds), func(res cluster.Resource) bool {
		return !res.Namespaced && res.String() != namespaceKind.String() && r.selection.ClusterScoped() == salvor.ClusterScopedNone && !r.selection.Loads(res)
	})
}
