package restore

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// unit is one segment of a source.
type unit struct {
	source  *Source
	res     cluster.Resource
	segment archive.Segment
	wave    wave
	// silent: objects are only made where they lack, and have no outcome of their own: the Namespaces of a restore
	// that is narrowed to other kinds.
	silent bool
	// lines are those to apply; nil: all.
	lines map[int]bool
}

// scope is what a restore takes from its sources.
type scope struct {
	spec   salvor.RestoreSpec
	kinds  selection.Kinds
	except selection.Kinds
	labels labels.Selector // nil: everything
	needs  map[*Source]map[closure.ID]bool
}

func newScope(spec salvor.RestoreSpec) (*scope, error) {
	s := &scope{spec: spec, needs: map[*Source]map[closure.ID]bool{}}
	var err error
	if s.kinds, err = selection.CompileKinds(spec.Kinds); err != nil {
		return nil, fmt.Errorf("spec.kinds: %w", err)
	}
	if s.except, err = selection.CompileKinds(spec.ExcludeKinds); err != nil {
		return nil, fmt.Errorf("spec.excludeKinds: %w", err)
	}
	if spec.LabelSelector != nil {
		if s.labels, err = salvor.Selector(spec.LabelSelector); err != nil {
			return nil, fmt.Errorf("spec.labelSelector: %w", err)
		}
	}
	return s, nil
}

// takes reports whether the kind comes back.
func (s *scope) takes(r cluster.Resource) bool {
	return !s.except.Match(r) && (len(s.kinds) == 0 || s.kinds.Match(r))
}

// wholeNamespaces reports whether all that is in the chosen namespaces comes back.
func (s *scope) wholeNamespaces() bool { return len(s.kinds)+len(s.except) == 0 && s.labels == nil }

// clusterScoped returns which objects without namespace of the source come back.
func (s *scope) clusterScoped(src *Source) salvor.ClusterScoped {
	if s.spec.ClusterScoped == salvor.ClusterScopedNone {
		return salvor.ClusterScopedNone
	}
	if s.spec.ClusterScoped == salvor.ClusterScopedAll || src.Whole && s.labels == nil {
		return salvor.ClusterScopedAll
	}
	return salvor.ClusterScopedNeeded
}

// units lists what to read of the sources.
func (s *scope) units(sources []*Source) []*unit {
	var list []*unit
	for _, src := range sources {
		for _, k := range src.Manifest.Kinds {
			for _, seg := range k.Segments {
				u := &unit{source: src, res: k.Resource, segment: seg, wave: waveOf(k.Resource)}
				if s.wants(u) {
					list = append(list, u)
				}
			}
		}
	}
	return list
}

// wants reports whether any object of the unit may come back.
func (s *scope) wants(u *unit) bool {
	if u.res.Namespaced {
		return s.takes(u.res) && slices.Contains(u.source.Namespaces, u.segment.Namespace)
	}
	if u.res.String() == kindNamespaces {
		u.silent = !s.takes(u.res)
		return !s.except.Match(u.res)
	}
	return s.takes(u.res) && s.clusterScoped(u.source) != salvor.ClusterScopedNone
}

// chosen reports whether the object comes back.
func (s *scope) chosen(u *unit, i cluster.Item) bool {
	if u.res.String() == kindNamespaces {
		return slices.Contains(u.source.Namespaces, i.Name)
	}
	if !u.res.Namespaced && s.clusterScoped(u.source) == salvor.ClusterScopedNeeded && !s.kinds.Names(u.res) {
		return s.needs[u.source][closure.ID{Kind: u.res.String(), Name: i.Name}]
	}
	return s.labels == nil || s.labels.Matches(labelsOf(i.Raw))
}

// readNeeds finds what the chosen objects need of those without namespace, for those sources of which only a part is taken.
func (r *run) readNeeds(ctx context.Context, sources []*Source, units []*unit) error {
	for _, src := range sources {
		if r.scope.clusterScoped(src) != salvor.ClusterScopedNeeded {
			continue
		}
		n := newNeeds(src, r.scope.wholeNamespaces())
		for _, u := range units {
			if u.source != src || u.res.Namespaced && !closure.Speaks(u.res) || u.res.String() == kindNamespaces {
				continue
			}
			if err := r.needsOf(ctx, n, u); err != nil {
				return err
			}
		}
		r.scope.needs[src] = n.close()
	}
	return nil
}

// needsOf adds what the chosen objects of the unit need, or those without namespace that may be needed. Of a corrupt
// segment nothing comes back.
func (r *run) needsOf(ctx context.Context, n *needs, u *unit) error {
	data, err := r.segment(ctx, u)
	if salvor.Is(err, salvor.Corrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range archive.Lines(data) {
		i := itemOf(line)
		switch {
		case !u.res.Namespaced:
			n.add(u.res, i)
		case r.scope.chosen(u, i):
			n.graph.Seed(u.res, i)
		}
	}
	return nil
}

// itemOf looks up the identity of a stored object.
func itemOf(raw []byte) cluster.Item {
	meta := rawjson.Get(raw, "metadata")
	return cluster.Item{Namespace: textOf(meta, "namespace"), Name: textOf(meta, "name"), HasType: true, Raw: raw}
}

func textOf(raw []byte, path ...string) string {
	v := rawjson.Get(raw, path...)
	if len(v) == 0 || v[0] != '"' {
		return ""
	}
	s, err := rawjson.Unquote(v)
	if err != nil {
		return ""
	}
	return s
}

// labelsOf returns the object's labels.
func labelsOf(raw []byte) labels.Set {
	set := labels.Set{}
	_ = rawjson.Fields(rawjson.Get(raw, "metadata", "labels"), func(key, value []byte, _ int) (bool, error) {
		k, err1 := rawjson.Unquote(key)
		v, err2 := rawjson.Unquote(value)
		if err1 == nil && err2 == nil {
			set[k] = v
		}
		return true, nil
	})
	return set
}
