package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
)

// The kinds that volumes are made with.
var (
	claimKind        = cluster.Resource{Version: "v1", Name: kindClaims, Kind: "PersistentVolumeClaim", Namespaced: true}
	volumeKind       = cluster.Resource{Version: "v1", Name: kindVolumes, Kind: "PersistentVolume"}
	namespaceKind    = cluster.Resource{Version: "v1", Name: kindNamespaces, Kind: "Namespace"}
	podKind          = cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
	eventKind        = cluster.Resource{Version: "v1", Name: "events", Kind: "Event", Namespaced: true}
	storageClassKind = cluster.Resource{Group: "storage.k8s.io", Version: "v1", Name: "storageclasses", Kind: "StorageClass"}
	snapshotKind     = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshots", Kind: "VolumeSnapshot", Namespaced: true}
	contentKind      = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshotcontents", Kind: "VolumeSnapshotContent"}
	classKind        = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshotclasses", Kind: "VolumeSnapshotClass"}
)

const (
	kindClaims  = "persistentvolumeclaims"
	kindVolumes = "persistentvolumes"
)

// CheckTarget asks the target which volumes of the plan can be made there, and fills in their storage classes. It changes
// nothing in the target. Invalid: some can't.
func (e *Engine) CheckTarget(ctx context.Context, p *Plan) error {
	target, err := e.Connect(ctx, p.Spec.TargetCluster)
	if err != nil {
		return fmt.Errorf("connecting to cluster %q: %w", p.Spec.TargetCluster, err)
	}
	r := &run{e: e, tuning: e.Tuning.withDefaults(), plan: p, target: target}
	if r.scope, err = newScope(p.Spec); err != nil {
		return err
	}
	if r.served, err = discover(ctx, target); err != nil {
		return err
	}
	units := r.scope.units(p.Sources)
	if err := r.readNeeds(ctx, p.Sources, units); err != nil {
		return err
	}
	return r.checkVolumes(ctx, units)
}

// storageClass is what matters of one.
type storageClass struct {
	name, driver     string
	waits, isDefault bool
}

// checkVolumes finds the storage class of each volume and what stands in the way, before anything is applied.
func (r *run) checkVolumes(ctx context.Context, units []*unit) error {
	r.volumes, r.replacedBy = map[volumeKey]*Volume{}, map[volumeKey]*Volume{}
	var with []*Volume
	for _, v := range r.plan.Volumes {
		r.volumes[volumeKey{v.source, v.From, v.Claim}] = v
		if v.Snapshot != nil {
			with = append(with, v)
			r.replacedBy[volumeKey{v.source, "", v.was.PersistentVolume}] = v
		}
	}
	if len(with) == 0 {
		return nil
	}
	for _, kind := range []cluster.Resource{snapshotKind, contentKind} {
		if _, err := r.served.find(kind); err != nil {
			return salvor.Errorf(salvor.Invalid, "no volume can be made of a snapshot in cluster %q: it doesn't serve %s", r.plan.Spec.TargetCluster, kind).
				WithHint("install the snapshot controller and its CRDs there (on EKS: the add-on snapshot-controller), or restore without data with --volumes empty")
		}
	}
	classes, err := r.storageClasses(ctx, units)
	if err != nil {
		return err
	}
	var problems []string
	for _, v := range with {
		if v.problem = v.choose(classes); v.problem != nil {
			problems = append(problems, fmt.Sprintf("claim %s: %v", v, v.problem))
		}
	}
	if err := r.snapshotClasses(ctx, with); err != nil {
		return err
	}
	// With a label selector, claims with a problem may not be chosen at all; each has its own outcome then.
	if len(problems) > 0 && r.scope.labels == nil {
		return salvor.Errorf(salvor.Invalid, "volumes can't be made in cluster %q: %s", r.plan.Spec.TargetCluster, some(problems)).
			WithHint("it has %s; map one with --storage-class-mapping old=new (spec.volumes.storageClassMapping)", namesOf(classes))
	}
	return nil
}

// choose finds the storage class for the volume.
func (v *Volume) choose(classes []storageClass) error {
	if v.StorageClass == "" {
		return v.chooseAny(classes)
	}
	i := slices.IndexFunc(classes, func(c storageClass) bool { return c.name == v.StorageClass })
	switch {
	case i < 0:
		return fmt.Errorf("there is no StorageClass %q", v.StorageClass)
	case classes[i].driver != v.Snapshot.Driver:
		return fmt.Errorf("StorageClass %q is of %s, and the snapshot of %s", v.StorageClass, classes[i].driver, v.Snapshot.Driver)
	}
	v.Waits = classes[i].waits
	return nil
}

// chooseAny finds one for a claim that had none: the default one, or the only one of the driver.
func (v *Volume) chooseAny(classes []storageClass) error {
	var fit []storageClass
	for _, c := range classes {
		if c.driver == v.Snapshot.Driver {
			fit = append(fit, c)
		}
	}
	if i := slices.IndexFunc(fit, func(c storageClass) bool { return c.isDefault }); i >= 0 {
		fit = fit[i : i+1]
	}
	if len(fit) != 1 {
		return fmt.Errorf("it had no StorageClass, and neither the default one nor the only one is of %s", v.Snapshot.Driver)
	}
	v.StorageClass, v.Waits = fit[0].name, fit[0].waits
	return nil
}

// storageClasses lists those of the target, and those that the restore brings.
func (r *run) storageClasses(ctx context.Context, units []*unit) ([]storageClass, error) {
	var list []storageClass
	add := func(raw []byte) {
		c := storageClass{name: textOf(raw, "metadata", "name"), driver: textOf(raw, "provisioner"), waits: textOf(raw, "volumeBindingMode") == "WaitForFirstConsumer",
			isDefault: textOf(raw, "metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true"}
		if !slices.ContainsFunc(list, func(o storageClass) bool { return o.name == c.name }) {
			list = append(list, c)
		}
	}
	if err := r.each(ctx, cluster.ListRequest{Resource: storageClassKind}, func(i cluster.Item) { add(i.Raw) }); err != nil {
		return nil, fmt.Errorf("listing the storage classes of the target: %w", err)
	}
	for _, u := range units {
		if u.res.String() != storageClassKind.String() {
			continue
		}
		data, err := r.segment(ctx, u)
		if salvor.Is(err, salvor.Corrupt) {
			continue // nothing of it comes back
		}
		if err != nil {
			return nil, err
		}
		for line := range archive.Lines(data) {
			if r.scope.chosen(u, itemOf(line)) {
				add(line)
			}
		}
	}
	return list, nil
}

// snapshotClasses finds the VolumeSnapshotClasses of the target that snapshots were cut with.
func (r *run) snapshotClasses(ctx context.Context, volumes []*Volume) error {
	drivers := map[string]string{}
	err := r.each(ctx, cluster.ListRequest{Resource: classKind}, func(i cluster.Item) { drivers[i.Name] = textOf(i.Raw, "driver") })
	if err != nil && !apierrors.IsNotFound(err) && !denied(err) {
		return fmt.Errorf("listing the volume snapshot classes of the target: %w", err)
	}
	for _, v := range volumes {
		if drivers[v.Snapshot.Class] == v.Snapshot.Driver {
			v.snapshotClass = v.Snapshot.Class
		}
	}
	return nil
}

// each hands out all objects of a list in the target, page by page.
func (r *run) each(ctx context.Context, req cluster.ListRequest, do func(cluster.Item)) error {
	for req.Limit = 500; ; {
		var page cluster.ListResult
		_, _, err := r.try(ctx, func(ctx context.Context) (_ []byte, err error) {
			page, err = r.target.List(ctx, req, func(i cluster.Item) error {
				do(i)
				return nil
			})
			return nil, err
		})
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			req.Continue = "" // some are seen twice
			continue
		}
		if err != nil || page.Continue == "" {
			return err
		}
		req.Continue = page.Continue
	}
}

func namesOf(classes []storageClass) string {
	var list []string
	for _, c := range classes {
		list = append(list, c.name+" ("+c.driver+")")
	}
	if len(list) == 0 {
		return "no StorageClass"
	}
	return some(list)
}

// ready reports whether a snapshot can be used, and why not.
func snapshotState(raw []byte) (ready bool, trouble error) {
	if string(rawjson.Get(raw, "status", "readyToUse")) == "true" {
		return true, nil
	}
	if m := textOf(raw, "status", "error", "message"); m != "" {
		return false, errors.New(strings.TrimSpace(m))
	}
	return false, nil
}
