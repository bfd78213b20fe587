package volume

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
)

// Cluster is what this package needs of a Kubernetes cluster. Objects are JSON. Errors of the API server are
// *errors.StatusError of apimachinery; of any other error of Create it is not known whether the object was created.
type Cluster interface {
	Discover(ctx context.Context) (cluster.Discovery, error)
	List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error)
	Get(ctx context.Context, r cluster.Resource, namespace, name string) ([]byte, error)
	Create(ctx context.Context, r cluster.Resource, namespace string, body []byte) ([]byte, error)
	Patch(ctx context.Context, r cluster.Resource, namespace, name string, kind types.PatchType, body []byte, subresource ...string) ([]byte, error)
	Delete(ctx context.Context, r cluster.Resource, namespace, name string, o cluster.DeleteOptions) error
}

// The kinds this package reads and writes.
var (
	claimKind        = cluster.Resource{Version: "v1", Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}
	volumeKind       = cluster.Resource{Version: "v1", Name: "persistentvolumes", Kind: "PersistentVolume"}
	storageClassKind = cluster.Resource{Group: "storage.k8s.io", Version: "v1", Name: "storageclasses", Kind: "StorageClass"}
	snapshotKind     = cluster.Resource{Group: snapshotGroup, Version: "v1", Name: "volumesnapshots", Kind: "VolumeSnapshot", Namespaced: true}
	contentKind      = cluster.Resource{Group: snapshotGroup, Version: "v1", Name: "volumesnapshotcontents", Kind: "VolumeSnapshotContent"}
	classKind        = cluster.Resource{Group: snapshotGroup, Version: "v1", Name: "volumesnapshotclasses", Kind: "VolumeSnapshotClass"}
)

// snapshotGroup is the API group of the external-snapshotter.
const snapshotGroup = "snapshot.storage.k8s.io"
