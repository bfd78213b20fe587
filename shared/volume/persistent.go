package volume

import (
	"encoding/json"
	"slices"
	"strings"
)

// persistentVolume is what this package needs of a PersistentVolume. Its spec holds one field that is named after the
// sort of volume, so that it is kept as it is.
type persistentVolume struct {
	Metadata metadata                   `json:"metadata"`
	Spec     map[string]json.RawMessage `json:"spec"`
}

// csiSource is PersistentVolume.spec.csi.
type csiSource struct {
	Driver       string `json:"driver"`
	VolumeHandle string `json:"volumeHandle"`
}

// The in-tree plugins whose names are not the field's.
var plugins = map[string]string{
	"awsElasticBlockStore": "kubernetes.io/aws-ebs", "gcePersistentDisk": "kubernetes.io/gce-pd", "azureDisk": "kubernetes.io/azure-disk",
	"azureFile": "kubernetes.io/azure-file", "vsphereVolume": "kubernetes.io/vsphere-volume", "portworxVolume": "kubernetes.io/portworx-volume",
	"hostPath": "kubernetes.io/host-path", "local": "kubernetes.io/local-volume", "nfs": "kubernetes.io/nfs", "iscsi": "kubernetes.io/iscsi", "fc": "kubernetes.io/fc",
	"cephfs": "kubernetes.io/cephfs", "rbd": "kubernetes.io/rbd",
}

// source tells the driver of the volume and its name for it; csi is false for one of another sort.
func (p *persistentVolume) source() (driver, handle string, csi bool) {
	if raw, ok := p.Spec["csi"]; ok {
		var s csiSource
		_ = json.Unmarshal(raw, &s) // the API server checked it
		return s.Driver, s.VolumeHandle, true
	}
	for field, plugin := range plugins {
		raw, ok := p.Spec[field]
		if !ok {
			continue
		}
		var ebs struct {
			VolumeID string `json:"volumeID"`
		}
		_ = json.Unmarshal(raw, &ebs)
		return plugin, ebs.VolumeID, false
	}
	return "", "", false
}

// topology is where the volume can be reached from: alternatives, of which each is labels of nodes.
func (p *persistentVolume) topology() []map[string]string {
	var affinity struct {
		Required struct {
			Terms []struct {
				Expressions []struct {
					Key      string   `json:"key"`
					Operator string   `json:"operator"`
					Values   []string `json:"values"`
				} `json:"matchExpressions"`
			} `json:"nodeSelectorTerms"`
		} `json:"required"`
	}
	if json.Unmarshal(p.Spec["nodeAffinity"], &affinity) != nil {
		return nil
	}
	var alternatives []map[string]string
	for _, term := range affinity.Required.Terms {
		ways := []map[string]string{{}}
		for _, e := range term.Expressions {
			if e.Operator == "In" {
				ways = times(ways, e.Key, e.Values)
			}
		}
		alternatives = append(alternatives, ways...)
	}
	return slices.DeleteFunc(alternatives, func(m map[string]string) bool { return len(m) == 0 })
}

// times is each of the ways with each of the values.
func times(ways []map[string]string, key string, values []string) []map[string]string {
	var more []map[string]string
	for _, way := range ways {
		for _, v := range values {
			one := map[string]string{key: v}
			for k, old := range way {
				one[k] = old
			}
			more = append(more, one)
		}
	}
	return more
}

// noSnapshots are drivers that offer none, and what to do instead.
var noSnapshots = map[string]string{
	"efs.csi.aws.com": "Amazon EFS has no snapshots, and its driver offers none: protect the file system with AWS Backup or with EFS replication",
	"fsx.csi.aws.com": "the driver of Amazon FSx for Lustre offers no snapshots: protect the file system with AWS Backup",
	"s3.csi.aws.com":  "a bucket has no snapshots: S3 Versioning, or replication, keeps what it holds",
}

// whyNotCSI says why a volume of another sort can't be snapshotted.
func whyNotCSI(plugin string) string {
	switch {
	case plugin == "kubernetes.io/aws-ebs":
		return "an in-tree EBS volume (kubernetes.io/aws-ebs): the snapshot controller takes CSI volumes only, also where the volume is mounted by the CSI driver; make it a PersistentVolume of ebs.csi.aws.com"
	case strings.HasPrefix(plugin, "kubernetes.io/"):
		return "a volume of " + plugin + ", which is no CSI volume, can't be snapshotted"
	}
	return "it is no CSI volume and can't be snapshotted"
}
