package selection

import (
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Kinds matches kinds against the notation of a scope: deployments, deployments.apps, Deployment.apps, *.apps, *.
type Kinds []kindPattern

type kindPattern struct {
	name, group string
	anyGroup    bool
	glob        *salvor.Glob
}

// CompileKinds reads the patterns. Invalid: a pattern is malformed.
func CompileKinds(patterns []string) (Kinds, error) {
	var kinds Kinds
	for _, p := range patterns {
		name, group, hasGroup := strings.Cut(strings.ToLower(strings.TrimSpace(p)), ".")
		glob, err := salvor.CompileGlob(name)
		if err != nil || name == "" {
			return nil, salvor.Errorf(salvor.Invalid, "%q names no kind", p).WithHint("write deployments, deployments.apps, *.apps or *")
		}
		kinds = append(kinds, kindPattern{name: name, group: group, anyGroup: !hasGroup, glob: glob})
	}
	return kinds, nil
}

// Match reports whether any of the patterns means the resource.
func (k Kinds) Match(r cluster.Resource) bool { return k.match(r, false) }

// Names reports whether any of the patterns means the resource by its own name, not by a glob.
func (k Kinds) Names(r cluster.Resource) bool { return k.match(r, true) }

func (k Kinds) match(r cluster.Resource, literal bool) bool {
	for _, p := range k {
		if _, plain := p.glob.Literal(); literal && !plain {
			continue
		}
		if (p.anyGroup || p.group == r.Group) && (p.glob.Match(r.Name) || p.glob.Match(strings.ToLower(r.Kind))) {
			return true
		}
	}
	return false
}

// Unmatched returns the patterns that name none of the resources: most often a mistake in spelling.
func (k Kinds) Unmatched(resources []cluster.Resource) []string {
	var unmatched []string
	for _, p := range k {
		found := false
		for _, r := range resources {
			found = found || Kinds{p}.Match(r)
		}
		if !found {
			name := p.name
			if !p.anyGroup {
				name += "." + p.group
			}
			unmatched = append(unmatched, name)
		}
	}
	return unmatched
}
