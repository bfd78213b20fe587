package retention

import (
	"slices"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// place is a namespace of a cluster, or, without a name, the objects that have none.
type place struct{ cluster, namespace string }

// How the reasons begin that lastGood gives.
const (
	lastOf        = "is the last good backup of "
	lastPartialOf = "is the last backup, though partial, of "
)

// LastOfSomething reports whether a backup is kept because it is the last one of a namespace.
func LastOfSomething(d Decision) bool {
	return slices.ContainsFunc(d.Reasons, func(r string) bool {
		return strings.HasPrefix(r, lastOf) || strings.HasPrefix(r, lastPartialOf)
	})
}

// lastGood finds the backups that are the last good ones of something, with the reasons. The backups are newest first.
func lastGood(sorted []*salvor.Backup) map[*salvor.Backup][]string {
	reasons := map[*salvor.Backup][]string{}
	covered := map[place]bool{}
	for _, try := range []struct {
		phase salvor.Phase
		what  string
	}{{salvor.PhaseCompleted, lastOf}, {salvor.PhasePartiallyFailed, lastPartialOf}} {
		for _, b := range sorted {
			if b.Status.Phase != try.phase {
				continue
			}
			var of []string
			for _, p := range places(b) {
				if !covered[p] {
					covered[p] = true
					of = append(of, p.String())
				}
			}
			if len(of) > 0 {
				reasons[b] = []string{try.what + strings.Join(of, ", ")}
			}
		}
	}
	return reasons
}

func places(b *salvor.Backup) []place {
	ps := make([]place, 0, len(b.Status.Namespaces)+1)
	for _, n := range b.Status.Namespaces {
		ps = append(ps, place{b.Status.ClusterID, n})
	}
	if len(ps) == 0 || b.Spec.Scope.ClusterScoped == salvor.ClusterScopedAll {
		ps = append(ps, place{cluster: b.Status.ClusterID})
	}
	return ps
}

// String names the place for a reason.
func (p place) String() string {
	if p.namespace == "" {
		return "the cluster's own objects"
	}
	return "namespace " + p.namespace
}
