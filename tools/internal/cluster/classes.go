package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/csidriver"
	"salvor.io/salvor/tools/internal/kubeapi"
)

type object = map[string]any

// crdDir is where tools/run puts the CRDs of the snapshot controller, below the
// programs. Group snapshots are among them: without them it waits for 30 s.
const crdDir = "snapshot-crds"

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// makeSnapshotKinds makes the CRDs, and what describes the driver.
func (r *run) makeSnapshotKinds(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(r.Bin, crdDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("no CRDs in %s", filepath.Join(r.Bin, crdDir)), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("reading a CRD: %w", err)
		}
		if err := r.api.PostYAML(ctx, definitions, raw); err != nil {
			return fmt.Errorf("making %s: %w", filepath.Base(f), err)
		}
	}
	driver := object{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
		"metadata": object{"name": csidriver.Name},
		"spec":     object{"attachRequired": false, "podInfoOnMount": false, "fsGroupPolicy": "File"},
	}
	if err := r.api.Post(ctx, "/apis/storage.k8s.io/v1/csidrivers", driver, nil); err != nil {
		return fmt.Errorf("making the CSIDriver: %w", err)
	}
	return r.makeStorageClasses(ctx)
}

// makeStorageClasses makes gp3, the default, which as on EKS makes a volume when
// the first pod needs it, and gp3-immediate, which makes it at once.
func (r *run) makeStorageClasses(ctx context.Context) error {
	for _, c := range []struct{ name, binding, byDefault string }{
		{"gp3", "WaitForFirstConsumer", "true"},
		{"gp3-immediate", "Immediate", "false"},
	} {
		class := object{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
			"metadata": object{"name": c.name, "annotations": object{
				"storageclass.kubernetes.io/is-default-class": c.byDefault}},
			"provisioner": csidriver.Name, "volumeBindingMode": c.binding,
			"reclaimPolicy": "Delete", "parameters": object{"type": "gp3"},
		}
		if err := r.api.Post(ctx, "/apis/storage.k8s.io/v1/storageclasses", class, nil); err != nil {
			return fmt.Errorf("making StorageClass %s: %w", c.name, err)
		}
	}
	return nil
}

// makeSnapshotClasses makes ebs, the default, whose snapshots go with their
// VolumeSnapshot, and ebs-retain, whose snapshots stay; and ebs-group of groups,
// if the driver has them.
func (r *run) makeSnapshotClasses(ctx context.Context) error {
	type class struct{ name, group, kind, plural, policy, byDefault string }
	classes := []class{
		{"ebs", "snapshot", "VolumeSnapshotClass", "volumesnapshotclasses", "Delete", "true"},
		{"ebs-retain", "snapshot", "VolumeSnapshotClass", "volumesnapshotclasses", "Retain", "false"},
	}
	if r.Options.GroupSnapshots {
		classes = append(classes, class{"ebs-group", "groupsnapshot", "VolumeGroupSnapshotClass", "volumegroupsnapshotclasses", "Delete", "true"})
	}
	for _, c := range classes {
		version := c.group + ".storage.k8s.io/v1"
		body := object{
			"apiVersion": version, "kind": c.kind,
			"metadata": object{"name": c.name, "annotations": object{
				c.group + ".storage.kubernetes.io/is-default-class": c.byDefault}},
			"driver": csidriver.Name, "deletionPolicy": c.policy,
		}
		// The API server serves a new kind a moment after its CRD.
		err := child.Poll(ctx, c.kind+" to be served", func(ctx context.Context) (bool, error) {
			err := r.api.Post(ctx, "/apis/"+version+"/"+c.plural, body, nil)
			var status *kubeapi.StatusError
			return err == nil || errors.As(err, &status) && status.Code == http.StatusConflict, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
