package closure

import (
	"salvor.io/salvor/shared/cluster"
)

// served finds resources by what references call them.
type served struct {
	byName map[string]cluster.Resource
	byType map[groupType][]cluster.Resource
}

// groupType is a group and a kind such as Deployment; the group is "*" for all of that kind.
type groupType struct{ group, kind string }

func newServed(resources []cluster.Resource) served {
	s := served{byName: map[string]cluster.Resource{}, byType: map[groupType][]cluster.Resource{}}
	for _, r := range resources {
		s.byName[r.String()] = r
		if !r.Can("list") && len(r.Verbs) > 0 {
			continue // such as a review that has the kind of another
		}
		for _, group := range []string{r.Group, "*"} {
			t := groupType{group, r.Kind}
			s.byType[t] = append(s.byType[t], r)
		}
	}
	return s
}

// find returns the resource of a kind. Of several groups that have the kind, the one is meant that an API server serves itself.
func (s served) find(group, kind string) (cluster.Resource, bool) {
	list := s.byType[groupType{group, kind}]
	if len(list) == 1 {
		return list[0], true
	}
	for _, r := range list {
		if !Custom(r.Group) {
			return r, true
		}
	}
	return cluster.Resource{}, false
}
