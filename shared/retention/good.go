package retention

import (
	"iter"
	"slices"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

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
	covered := map[string]map[string]bool{} // namespaces by cluster
	for _, try := range []struct {
		phase salvor.Phase
		what  string
	}{{salvor.PhaseCompleted, lastOf}, {salvor.PhasePartiallyFailed, lastPartialOf}} {
		for _, b := range sorted {
			if b.Status.Phase != try.phase {
				continue
			}
			in := covered[b.Status.ClusterID]
			if in == nil {
				in = map[string]bool{}
				covered[b.Status.ClusterID] = in
			}
			var of []string
			for p := range places(b) {
				if !in[p] {
					in[p] = true
					of = append(of, placeText(p))
				}
			}
			if len(of) > 0 {
				reasons[b] = []string{try.what + strings.Join(of, ", ")}
			}
		}
	}
	return reasons
}

// places are the namespaces of a backup, and "" if it holds objects that have none for their own sake.
func places(b *salvor.Backup) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, n := range b.Status.Namespaces {
			if !yield(n) {
				return
			}
		}
		if len(b.Status.Namespaces) == 0 || b.Spec.Scope.ClusterScoped == salvor.ClusterScopedAll {
			yield("")
		}
	}
}

// placeText names a place for a reason.
func placeText(namespace string) string {
	if namespace == "" {
		return "the cluster's own objects"
	}
	return "namespace " + namespace
}
