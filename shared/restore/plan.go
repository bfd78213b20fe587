package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// Plan is what a restore takes, and from where.
type Plan struct {
	Spec salvor.RestoreSpec
	// Sources are the backups, newest first; the manifest of each has been checked.
	Sources []*Source
	// Volumes are the claims of the sources and what becomes of their data, sorted by namespace and name.
	Volumes []*Volume
	// Warnings are what the user should know before going on.
	Warnings []string
}

// Source is one backup and what is taken from it.
type Source struct {
	Backup     *salvor.Backup
	Repository *repository.Repository
	Manifest   *archive.Manifest
	// Namespaces that come from it, sorted, by their old names.
	Namespaces []string
	// Whole: all that the backup holds is taken, and so every object without namespace in it.
	Whole bool
}

// Status returns the sources in the words of a Restore's status.
func (p *Plan) Status() []salvor.RestoreSource {
	var list []salvor.RestoreSource
	for _, s := range p.Sources {
		list = append(list, salvor.RestoreSource{Backup: s.Backup.Name, Location: s.Backup.Spec.Location, CutAt: s.Backup.Status.CutAt, Namespaces: s.Namespaces})
	}
	return list
}

// Plan chooses the sources and checks their manifests; it changes nothing. NotFound: a namespace is in no backup that
// may be used, or nothing of the kinds in them; Invalid: the backup may not be used; Corrupt: a manifest is not as it was written.
func (e *Engine) Plan(ctx context.Context, spec salvor.RestoreSpec) (*Plan, error) {
	p := &Plan{Spec: spec}
	var err error
	if spec.Backup != "" {
		err = e.planBackup(ctx, p)
	} else {
		err = e.planAsOf(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range p.Sources {
		if err := e.open(ctx, s); err != nil {
			return nil, err
		}
		p.warn(s)
	}
	if err := p.checkMapping(); err != nil {
		return nil, err
	}
	if err := p.checkKinds(); err != nil {
		return nil, err
	}
	return p, p.planVolumes(ctx)
}

// checkMapping refuses a mapping that a user can't have meant: of a namespace that isn't chosen, and of one into another that is.
func (p *Plan) checkMapping() error {
	var chosen []string
	for _, s := range p.Sources {
		chosen = append(chosen, s.Namespaces...)
	}
	slices.Sort(chosen)
	for _, old := range sortedKeys(p.Spec.NamespaceMapping) {
		if !slices.Contains(chosen, old) {
			return salvor.Errorf(salvor.Invalid, "spec.namespaceMapping: %q is not among the namespaces that come back", old).WithHint("these are %s", some(chosen))
		}
	}
	from := map[string]string{}
	for _, old := range chosen {
		target := old
		if to, ok := p.Spec.NamespaceMapping[old]; ok {
			target = to
		}
		if other, taken := from[target]; taken {
			return salvor.Errorf(salvor.Invalid, "spec.namespaceMapping: %q and %q would both become %q", other, old, target).WithHint("restore them one after the other to mix them on purpose")
		}
		from[target] = old
	}
	return nil
}

// checkKinds refuses a choice of kinds of which nothing would come back, and warns of each that is not there.
func (p *Plan) checkKinds() error {
	kinds, err := selection.CompileKinds(p.Spec.Kinds)
	if err != nil {
		return fmt.Errorf("spec.kinds: %w", err)
	}
	var held []cluster.Resource
	for _, s := range p.Sources {
		for _, k := range s.Manifest.Kinds {
			if slices.ContainsFunc(k.Segments, func(seg archive.Segment) bool { return !k.Namespaced || slices.Contains(s.Namespaces, seg.Namespace) }) {
				held = append(held, k.Resource)
			}
		}
	}
	lacking := kinds.Unmatched(held)
	if len(lacking) > 0 && len(lacking) == len(kinds) {
		var names []string
		for _, r := range held {
			names = append(names, r.String())
		}
		slices.Sort(names)
		return salvor.Errorf(salvor.NotFound, "spec.kinds: nothing of %s is there to come back", strings.Join(lacking, ", ")).WithHint("there is %s", some(slices.Compact(names)))
	}
	for _, kind := range lacking {
		p.Warnings = append(p.Warnings, fmt.Sprintf("nothing of the kind %q is there to come back", kind))
	}
	return nil
}

// planBackup takes one backup by its name.
func (e *Engine) planBackup(ctx context.Context, p *Plan) error {
	id := salvor.BackupID{ClusterID: p.Spec.SourceCluster, Name: p.Spec.Backup}
	b, err := e.Catalog.GetBackup(ctx, id)
	if err != nil {
		return fmt.Errorf("finding backup %s: %w", id, err)
	}
	if err := usable(b, p.Spec.AllowPartial); err != nil {
		return err
	}
	s := &Source{Backup: b}
	p.Sources = []*Source{s}
	if len(p.Spec.Namespaces) == 0 {
		s.Namespaces, s.Whole = slices.Clone(b.Status.Namespaces), true
		return nil
	}
	return chooseNamespaces(p, s)
}

// chooseNamespaces takes from the backup the namespaces that the spec names.
func chooseNamespaces(p *Plan, s *Source) error {
	globs, err := salvor.CompileGlobs(p.Spec.Namespaces)
	if err != nil {
		return salvor.Errorf(salvor.Invalid, "spec.namespaces: %w", err)
	}
	var missing []string
	for _, g := range globs {
		found := false
		for _, ns := range s.Backup.Status.Namespaces {
			if g.Match(ns) {
				found = true
				s.Namespaces = append(s.Namespaces, ns)
			}
		}
		if !found {
			missing = append(missing, g.String())
		}
	}
	if len(missing) > 0 {
		return salvor.Errorf(salvor.NotFound, "backup %q has no namespace %s", s.Backup.Name, strings.Join(missing, ", ")).
			WithHint("it holds %s", some(s.Backup.Status.Namespaces))
	}
	slices.Sort(s.Namespaces)
	s.Namespaces = slices.Compact(s.Namespaces)
	return nil
}

// usable tells why a backup may not be restored from.
func usable(b *salvor.Backup, partial bool) error {
	switch b.Status.Phase {
	case salvor.PhaseCompleted:
		return nil
	case salvor.PhasePartiallyFailed:
		if partial {
			return nil
		}
		return salvor.Errorf(salvor.Invalid, "backup %q is not whole: %s", b.Name, missingIn(b.Status.Failures)).
			WithHint("restore what is there with --allow-partial (spec.allowPartial)")
	case salvor.PhaseSettling:
		return salvor.Errorf(salvor.Unavailable, "backup %q waits for its volume snapshots", b.Name).WithHint("try again when it has Completed")
	}
	return salvor.Errorf(salvor.Invalid, "backup %q can't be restored: it is %s: %s", b.Name, b.Status.Phase, b.Status.Message)
}

// missingIn names what a backup lacks.
func missingIn(failures []salvor.Failure) string {
	var list []string
	for _, f := range failures {
		what := f.Kind
		if f.Namespace != "" {
			what += " in " + f.Namespace
		}
		list = append(list, strings.TrimSpace(what+" ("+f.Reason+")"))
	}
	if len(list) == 0 {
		return "its report says what is missing"
	}
	return "it lacks " + some(list)
}

// some joins the first of many.
func some(list []string) string {
	const most = 10
	if len(list) == 0 {
		return "nothing"
	}
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// open reads the source's manifest and checks it against the catalog.
func (e *Engine) open(ctx context.Context, s *Source) error {
	var err error
	b := s.Backup
	if s.Repository, err = e.Open(ctx, b.Spec.Location, b.Status.ClusterID); err != nil {
		return fmt.Errorf("opening location %q of backup %q: %w", b.Spec.Location, b.Name, err)
	}
	if s.Manifest, err = s.Repository.RecordedManifest(ctx, b.Name, b.Status.RootDigest); err != nil {
		return err
	}
	for _, ns := range s.Namespaces {
		if !slices.Contains(s.Manifest.Namespaces, ns) {
			return salvor.Errorf(salvor.Corrupt, "the catalog says that backup %q holds namespace %q, and its manifest does not", b.Name, ns)
		}
	}
	s.Whole = s.Whole || len(s.Namespaces) == len(s.Manifest.Namespaces)
	return nil
}

// warn notes what a user may not expect of the source.
func (p *Plan) warn(s *Source) {
	if s.Backup.Status.Phase == salvor.PhasePartiallyFailed {
		p.Warnings = append(p.Warnings, fmt.Sprintf("backup %q is not whole: %s", s.Backup.Name, missingIn(s.Manifest.Failures)))
	}
	scope := s.Backup.Spec.Scope
	if len(scope.Kinds)+len(scope.ExcludeKinds)+len(scope.Filters) > 0 || scope.AppLevel() {
		p.Warnings = append(p.Warnings, fmt.Sprintf("backup %q was narrowed to some kinds or labels; it does not hold all of %s", s.Backup.Name, some(s.Namespaces)))
	}
	for _, x := range s.Manifest.Exceptions {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s in backup %q is of another moment than the rest: %s", strings.TrimSpace(x.Kind+" "+x.Namespace), s.Backup.Name, x.Reason))
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
