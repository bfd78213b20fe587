package volume

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// policy is a VolumePolicy made ready to decide.
type policy struct {
	salvor.VolumePolicy
	classes, drivers salvor.Globs
	selector         labels.Selector
}

// compile makes the policies ready. Invalid: one has a mistake.
func compile(policies []salvor.VolumePolicy) ([]policy, error) {
	ready := make([]policy, len(policies))
	for i, p := range policies {
		wrong := func(field string, err error) error {
			return salvor.Errorf(salvor.Invalid, "spec.volumes.policies[%d].%s: %w", i, field, err)
		}
		ready[i] = policy{VolumePolicy: p, selector: labels.Everything()}
		var err error
		if ready[i].classes, err = salvor.CompileGlobs(p.StorageClasses); err != nil {
			return nil, wrong("storageClasses", err)
		}
		if ready[i].drivers, err = salvor.CompileGlobs(p.Drivers); err != nil {
			return nil, wrong("drivers", err)
		}
		if p.LabelSelector == nil {
			continue
		}
		if ready[i].selector, err = metav1.LabelSelectorAsSelector(p.LabelSelector); err != nil {
			return nil, wrong("labelSelector", err)
		}
	}
	return ready, nil
}

// matches reports whether all conditions of the policy hold.
func (p *policy) matches(c *Claim, v *archive.Volume) bool {
	switch {
	case len(p.classes) > 0 && !p.classes.Match(v.StorageClass),
		len(p.drivers) > 0 && !p.drivers.Match(v.Driver),
		p.MinSize != nil && v.Capacity < p.MinSize.Value(),
		p.MaxSize != nil && v.Capacity > p.MaxSize.Value(),
		!p.selector.Matches(labels.Set(c.Metadata.Labels)):
		return false
	}
	for key, value := range p.Annotations {
		if got, ok := c.Metadata.Annotations[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// skips says why the first policy that matches leaves the volume out; false: none does.
func skips(policies []policy, c *Claim, v *archive.Volume) (string, bool) {
	for i := range policies {
		p := &policies[i]
		if !p.matches(c, v) {
			continue
		}
		if p.Action != salvor.VolumeSkip {
			return "", false
		}
		if p.Reason != "" {
			return p.Reason, true
		}
		return fmt.Sprintf("spec.volumes.policies[%d] skips it", i), true
	}
	return "", false
}
