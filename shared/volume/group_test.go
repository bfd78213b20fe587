package volume_test

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/cluster"
)

// withGroups is a cluster that serves group snapshots.
type withGroups struct{ *cutCluster }

func (withGroups) Discover(context.Context) (cluster.Discovery, error) {
	var d cluster.Discovery
	for _, name := range []string{"volumegroupsnapshots", "volumegroupsnapshotcontents", "volumegroupsnapshotclasses"} {
		d.Resources = append(d.Resources, cluster.Resource{Group: "groupsnapshot.storage.k8s.io", Version: "v1", Name: name})
	}
	return d, nil
}

// A group is used only where a selector chooses its claims and no other: what it chooses is counted here.
func TestVolumesThatCanBeCutTogether(t *testing.T) {
	type set = map[string]string
	groupClass := object{"metadata": object{"name": "group"}, "driver": ebs}
	tests := map[string]struct {
		claims  map[string]set // labels by claim
		planned []string
		class   bool
		grouped bool
	}{
		"all of the namespace, without labels": {map[string]set{"a": nil, "b": nil}, []string{"a", "b"}, true, true},
		"one label tells them":                 {map[string]set{"a": {"app": "db"}, "b": {"app": "db", "x": "1"}, "c": {"app": "web"}, "d": nil}, []string{"a", "b"}, true, true},
		"several values of one label":          {map[string]set{"a": {"app": "db"}, "b": {"app": "log"}, "c": {"app": "web"}}, []string{"a", "b"}, true, true},
		"another has the label, too":           {map[string]set{"a": {"app": "db"}, "b": {"app": "db"}, "c": {"app": "db"}}, []string{"a", "b"}, true, false},
		"one lacks the label":                  {map[string]set{"a": {"app": "db"}, "b": nil, "c": {"app": "web"}}, []string{"a", "b"}, true, false},
		"the second label does":                {map[string]set{"a": {"app": "db", "tier": "1"}, "b": {"app": "db", "tier": "1"}, "c": {"app": "db", "tier": "2"}}, []string{"a", "b"}, true, true},
		"an empty value is one, too":           {map[string]set{"a": {"app": ""}, "b": {"app": ""}, "c": nil}, []string{"a", "b"}, true, true},
		"no class of the driver":               {map[string]set{"a": nil, "b": nil}, []string{"a", "b"}, false, false},
		"a single volume":                      {map[string]set{"a": nil}, []string{"a"}, true, false},
		"one is gone":                          {map[string]set{"a": nil}, []string{"a", "b"}, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster()
			for name, given := range tt.claims {
				m := object{"namespace": "shop", "name": name, "labels": object{}}
				for k, v := range given {
					m["labels"].(object)[k] = v
				}
				c.put("persistentvolumeclaims", object{"metadata": m})
			}
			if tt.class {
				c.put("volumegroupsnapshotclasses", groupClass)
			}
			groups, err := engineOn(withGroups{c}).Groups(t.Context(), planned(tt.planned...))
			if err != nil || (len(groups) == 1) != tt.grouped {
				t.Fatalf("got %+v, %v", groups, err)
			}
			if !tt.grouped {
				return
			}
			selector, err := metav1.LabelSelectorAsSelector(&groups[0].Selector)
			if err != nil {
				t.Fatal(err)
			}
			for name, given := range tt.claims {
				wanted := false
				for _, p := range tt.planned {
					wanted = wanted || p == name
				}
				if selector.Matches(labels.Set(given)) != wanted {
					t.Errorf("%s chooses %s: %v", selector, name, !wanted)
				}
			}
		})
	}
}

// Of several classes the one that is marked as the default of groups is taken.
func TestTheDefaultClassOfGroups(t *testing.T) {
	c := newCutCluster()
	for _, name := range []string{"a", "b"} {
		c.put("persistentvolumeclaims", object{"metadata": object{"namespace": "shop", "name": name}})
		c.put("volumegroupsnapshotclasses", object{"metadata": object{"name": name, "annotations": object{
			"groupsnapshot.storage.kubernetes.io/is-default-class": fmt.Sprint(name == "b")}}, "driver": ebs})
	}
	c.put("volumegroupsnapshotclasses", object{"metadata": object{"name": "c"}, "driver": ebs})
	if groups, err := engineOn(withGroups{c}).Groups(t.Context(), planned("a", "b")); err != nil || len(groups) != 1 {
		t.Errorf("got %+v, %v", groups, err)
	}
}

func TestWithoutGroupKinds(t *testing.T) {
	if groups, err := engineOn(newCutCluster()).Groups(t.Context(), planned("a", "b")); err != nil || len(groups) > 0 {
		t.Errorf("got %+v, %v", groups, err)
	}
}
