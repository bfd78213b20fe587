package volume

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Plan finds out what can become of the data of the claims. A volume that can be snapshotted has no State yet, and a
// Snapshot that names driver and class; another is Skipped by a policy, or Failed with what stands in the way. Nothing is
// changed. An error is one of reading the cluster; Invalid: a policy has a mistake.
func (e *Engine) Plan(ctx context.Context, claims []Claim, spec *salvor.BackupVolumes) ([]archive.Volume, error) {
	if len(claims) == 0 {
		return nil, nil
	}
	if spec == nil {
		spec = &salvor.BackupVolumes{}
	}
	policies, err := compile(spec.Policies)
	if err != nil {
		return nil, err
	}
	p := &planner{engine: e, spec: spec, policies: policies}
	if err := p.read(ctx, claims); err != nil {
		return nil, err
	}
	volumes := make([]archive.Volume, 0, len(claims))
	for i := range claims {
		volumes = append(volumes, p.volume(&claims[i]))
	}
	slices.SortFunc(volumes, ByClaim)
	return volumes, e.refuse(ctx, volumes)
}

// ByClaim sorts volumes by namespace and name of the claim.
func ByClaim(a, b archive.Volume) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim))
}

// planner is one run of Plan and what it read.
type planner struct {
	engine   *Engine
	spec     *salvor.BackupVolumes
	policies []policy
	// persistent are the PersistentVolumes that claims are bound to, provisioners the drivers of StorageClasses.
	persistent   map[string]persistentVolume
	provisioners map[string]string
	classes      classes
	// missing says why nothing can be snapshotted in this cluster.
	missing string
}

// read reads what the claims refer to.
func (p *planner) read(ctx context.Context, claims []Claim) error {
	c := p.engine.Cluster
	p.persistent, p.provisioners, p.classes = map[string]persistentVolume{}, map[string]string{}, classes{}
	wanted, unbound := map[string]bool{}, false
	for i := range claims {
		wanted[claims[i].Spec.VolumeName] = true
		unbound = unbound || claims[i].Spec.VolumeName == ""
	}
	err := list(ctx, c, volumeKind, "", "", func(v persistentVolume) error {
		if wanted[v.Metadata.Name] {
			p.persistent[v.Metadata.Name] = v
		}
		return nil
	})
	if err := p.lacks(err); err != nil {
		return err
	}
	if unbound {
		err := list(ctx, c, storageClassKind, "", "", func(s struct {
			Metadata    metadata `json:"metadata"`
			Provisioner string   `json:"provisioner"`
		}) error {
			p.provisioners[s.Metadata.Name] = s.Provisioner
			return nil
		})
		if err != nil && !apierrors.IsForbidden(err) { // it is for policies alone
			return err
		}
	}
	err = list(ctx, c, classKind, "", "", func(s snapshotClass) error {
		p.classes[s.Metadata.Name] = s
		return nil
	})
	if apierrors.IsNotFound(err) {
		p.missing = "the cluster has no CSI snapshots: the CustomResourceDefinitions of " + snapshotGroup + " are missing; install the snapshot controller (on EKS, its add-on)"
		return nil
	}
	return p.lacks(err)
}

// lacks notes that nothing can be snapshotted for want of a right: what a policy skips needs none.
func (p *planner) lacks(err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	p.missing = err.Error() + "; apply infra/kubernetes/rbac.yaml to grant it"
	return nil
}

// volume decides about one.
func (p *planner) volume(c *Claim) archive.Volume {
	v := c.volume()
	pv, bound := p.persistent[c.Spec.VolumeName]
	csi := false
	if bound {
		v.Driver, v.VolumeHandle, csi = pv.source()
		v.Topology = pv.topology()
	} else {
		v.Driver = p.provisioners[v.StorageClass]
	}
	if why, skip := skips(p.policies, c, &v); skip {
		v.State, v.Reason = archive.VolumeSkipped, why
		return v
	}
	class, why := snapshotClass{}, p.obstacle(c, &v, bound, csi)
	if why == "" {
		class, why = p.classes.choose(v.Driver, p.spec.SnapshotClasses, c)
	}
	if why != "" {
		v.State, v.Reason = archive.VolumeFailed, why
		return v
	}
	v.Method, v.Snapshot = archive.MethodSnapshot, class.snapshot(v.Driver)
	return v
}

// obstacle says what stands in the way of any snapshot of the volume.
func (p *planner) obstacle(c *Claim, v *archive.Volume, bound, csi bool) string {
	switch {
	case p.missing != "":
		return p.missing
	case c.Status.Phase == "Lost":
		return fmt.Sprintf("the claim has lost its volume: PersistentVolume %q is gone", c.Spec.VolumeName)
	case c.Metadata.DeletionTimestamp != nil:
		return "the claim is being deleted: the snapshot controller makes no snapshot of it any more"
	case c.Spec.VolumeName == "" || c.Status.Phase != "Bound":
		return "the claim is not bound: there is no volume yet"
	case !bound:
		return fmt.Sprintf("its PersistentVolume %q does not exist", c.Spec.VolumeName)
	case !csi:
		return whyNotCSI(v.Driver)
	}
	return ""
}

// accessReview asks what the caller itself may do.
var accessReview = cluster.Resource{Group: "authorization.k8s.io", Version: "v1", Name: "selfsubjectaccessreviews", Kind: "SelfSubjectAccessReview"}

// refuse fails volumes whose snapshots this identity may not make, before an application is frozen for them.
func (e *Engine) refuse(ctx context.Context, volumes []archive.Volume) error {
	denied := map[string]string{}
	for i := range volumes {
		v := &volumes[i]
		if v.State != "" {
			continue
		}
		why, asked := denied[v.Namespace]
		if !asked {
			var err error
			if why, err = e.denied(ctx, v.Namespace); err != nil {
				return err
			}
			denied[v.Namespace] = why
		}
		if why != "" {
			v.State, v.Reason, v.Method, v.Snapshot = archive.VolumeFailed, why, "", nil
		}
	}
	return nil
}

// denied says what this identity lacks to keep a snapshot in the namespace.
func (e *Engine) denied(ctx context.Context, namespace string) (string, error) {
	for _, a := range []cluster.Action{
		{Verb: "create", Group: snapshotGroup, Resource: snapshotKind.Name, Namespace: namespace},
		{Verb: "get", Group: snapshotGroup, Resource: contentKind.Name},
		{Verb: "patch", Group: snapshotGroup, Resource: contentKind.Name},
	} {
		may, err := e.may(ctx, a)
		if err != nil {
			return "", fmt.Errorf("asking whether snapshots may be made: %w", err)
		}
		if !may {
			return fmt.Sprintf("it is forbidden to %s; apply infra/kubernetes/rbac.yaml to grant it", a), nil
		}
	}
	return "", nil
}

func (e *Engine) may(ctx context.Context, a cluster.Action) (bool, error) {
	body, err := encode(map[string]any{"apiVersion": accessReview.APIVersion(), "kind": accessReview.Kind, "spec": map[string]any{"resourceAttributes": a}})
	if err != nil {
		return false, err
	}
	raw, err := e.Cluster.Create(ctx, accessReview, "", body)
	if err != nil {
		return false, err
	}
	answer, err := decode[struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}](accessReview, raw)
	return answer.Status.Allowed, err
}
