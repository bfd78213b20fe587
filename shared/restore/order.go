package restore

import "slices"

// Stage is a set of kinds whose objects may be applied at the same time.
type Stage struct {
	// Name is what the progress of a restore shows.
	Name string
	// Kinds that are named in it, as resource.group, sorted; others are sorted into a stage by their group.
	Kinds []string
}

// Order lists the stages of a restore; docs/restore.md shows them.
func Order() []Stage {
	var list []Stage
	for w := wave(0); w < waveEnd; w++ {
		s := Stage{Name: w.String()}
		for kind, of := range waves {
			if of == w {
				s.Kinds = append(s.Kinds, kind)
			}
		}
		slices.Sort(s.Kinds)
		list = append(list, s)
	}
	return list
}
