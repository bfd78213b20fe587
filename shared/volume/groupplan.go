package volume

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
)

// Group is volumes of a namespace that their driver snapshots in one go.
type Group struct {
	Namespace, Driver string
	// Claims are those of the volumes, sorted; Selector chooses them and no other claim of the namespace.
	Claims   []string
	Selector metav1.LabelSelector

	class snapshotClass // a VolumeGroupSnapshotClass has the same fields
	kinds *groupKinds
}

// Groups finds which of the planned volumes can be snapshotted together: two or more of a namespace, of a driver that has a
// VolumeGroupSnapshotClass, and that a label selector can tell from all other claims. All others are snapshotted one by
// one, at the same time. Nothing is changed: no claim is labelled for it.
func (e *Engine) Groups(ctx context.Context, planned []archive.Volume) ([]Group, error) {
	together := map[[2]string][]string{}
	for _, v := range planned {
		if v.State == "" {
			key := [2]string{v.Namespace, v.Driver}
			together[key] = append(together[key], v.Claim)
		}
	}
	maps.DeleteFunc(together, func(_ [2]string, claims []string) bool { return len(claims) < 2 })
	if len(together) == 0 {
		return nil, nil
	}
	kinds, err := e.groupKinds(ctx)
	if err != nil || kinds == nil {
		return nil, err
	}
	all := classes{}
	err = list(ctx, e.Cluster, kinds.class, "", "", func(s snapshotClass) error {
		all[s.Metadata.Name] = s
		return nil
	})
	if apierrors.IsForbidden(err) || len(all) == 0 {
		return nil, nil // it is a way to be better, and none is needed
	}
	if err != nil {
		return nil, err
	}
	var groups []Group
	for key, claims := range together {
		class, why := all.choose(key[1], nil, &Claim{})
		if why != "" {
			continue
		}
		selector, err := e.selectorFor(ctx, key[0], claims)
		if err != nil {
			return nil, err
		}
		if selector != nil {
			slices.Sort(claims)
			groups = append(groups, Group{Namespace: key[0], Driver: key[1], Claims: claims, Selector: *selector, class: class, kinds: kinds})
		}
	}
	return groups, nil
}

// selectorFor finds a selector that chooses these claims of the namespace and no other; nil: there is none.
func (e *Engine) selectorFor(ctx context.Context, namespace string, chosen []string) (*metav1.LabelSelector, error) {
	var in, out []map[string]string
	err := list(ctx, e.Cluster, claimKind, namespace, "", func(c Claim) error {
		if slices.Contains(chosen, c.Metadata.Name) {
			in = append(in, c.Metadata.Labels)
		} else {
			out = append(out, c.Metadata.Labels)
		}
		return nil
	})
	if err != nil || len(in) != len(chosen) {
		return nil, err
	}
	return tellApart(in, out), nil
}

// tellApart finds a label that all of in have with values that none of out has.
func tellApart(in, out []map[string]string) *metav1.LabelSelector {
	if len(out) == 0 { // all of them: those that lack a label which no claim has
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: LabelEpoch, Operator: metav1.LabelSelectorOpDoesNotExist}}}
	}
	for _, key := range slices.Sorted(maps.Keys(in[0])) {
		values, apart := map[string]bool{}, true
		for _, labels := range in {
			value, has := labels[key]
			values[value], apart = true, apart && has
		}
		for _, labels := range out {
			value, has := labels[key]
			apart = apart && !(has && values[value])
		}
		if apart {
			return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: key, Operator: metav1.LabelSelectorOpIn, Values: slices.Sorted(maps.Keys(values))}}}
		}
	}
	return nil
}
