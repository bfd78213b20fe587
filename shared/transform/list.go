package transform

import (
	"cmp"
	"slices"
)

// Note is one line of what a restore does to objects, for people.
type Note struct {
	// Kind as resource.group; empty: every kind.
	Kind string
	// Path is a JSON pointer, in which a star stands for every element of a list.
	Path   string
	Reason string
	// Partly: not of every object of the kind, or not the whole of it.
	Partly bool
}

// Removals lists what is taken out of objects of each kind, or edited in them, with the reason; docs/restore.md shows it.
func Removals() []Note {
	var list []Note
	for key := range serverMeta {
		list = append(list, Note{Path: pointer(at("metadata", key)), Reason: setByServer})
	}
	for kind, rules := range rules {
		for _, r := range rules {
			list = append(list, Note{Kind: kind, Path: pointer(r.path), Reason: r.why, Partly: r.when != nil || r.edit != nil})
		}
	}
	return sorted(list)
}

// Skips lists the objects that a restore leaves out, with the reason.
func Skips() []Note {
	var list []Note
	for _, r := range skipRules {
		list = append(list, Note{Kind: r.kind, Reason: r.reason})
	}
	return list
}

// Mapped lists what follows a namespace mapping besides metadata.namespace and the names of Namespaces.
func Mapped() []Note {
	var list []Note
	for kind, refs := range references {
		for _, r := range refs {
			list = append(list, Note{Kind: kind, Path: pointer(r.path), Reason: mapped})
		}
	}
	return sorted(list)
}

func sorted(list []Note) []Note {
	slices.SortFunc(list, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path)) })
	return list
}
