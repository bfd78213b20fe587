package selection

import (
	"fmt"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// filter is a KindFilter.
type filter struct {
	kinds    Kinds
	selector *selector // nil: any labels
	names    salvor.Globs
	exclude  salvor.Globs
}

func newFilter(k *salvor.KindFilter) (f *filter, err error) {
	f = &filter{}
	if f.kinds, err = CompileKinds(k.Kinds); err != nil {
		return nil, fmt.Errorf("kinds: %w", err)
	}
	if k.LabelSelector != nil {
		if f.selector, err = newSelector("filters.labelSelector", k.LabelSelector); err != nil {
			return nil, err
		}
	}
	if f.names, err = salvor.CompileGlobs(k.Names); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "names: %w", err)
	}
	if f.exclude, err = salvor.CompileGlobs(k.ExcludeNames); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "excludeNames: %w", err)
	}
	return f, nil
}

// passes reports whether an object of the filter's kinds may be chosen. What it excludes by name is left out later, so
// that it is counted.
func (f *filter) passes(i cluster.Item) bool {
	return (len(f.names) == 0 || f.names.Match(i.Name)) && (f.selector == nil || f.selector.selects(i))
}
