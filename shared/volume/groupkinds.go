package volume

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
)

// groupAPI is the API group of snapshots of several volumes at once.
const groupAPI = "groupsnapshot.storage.k8s.io"

// groupBeingDeleted on a content of a group is beingDeleted on that of a snapshot.
const groupBeingDeleted = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted"

// groupKinds are the kinds of group snapshots, in the version that the cluster serves.
type groupKinds struct{ snapshot, content, class cluster.Resource }

// groupKinds finds them; nil: the cluster has none.
func (e *Engine) groupKinds(ctx context.Context) (*groupKinds, error) {
	served, err := e.Cluster.Discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for group snapshots: %w", err)
	}
	k := &groupKinds{}
	for _, r := range served.Resources {
		if r.Group != groupAPI {
			continue
		}
		switch r.Name {
		case "volumegroupsnapshots":
			k.snapshot = r
		case "volumegroupsnapshotcontents":
			k.content = r
		case "volumegroupsnapshotclasses":
			k.class = r
		}
	}
	if k.snapshot.Name == "" || k.content.Name == "" || k.class.Name == "" {
		return nil, nil
	}
	return k, nil
}

// groupSnapshot is what this package needs of a VolumeGroupSnapshot.
type groupSnapshot struct {
	Metadata metadata `json:"metadata"`
	Status   struct {
		Content      string         `json:"boundVolumeGroupSnapshotContentName"`
		CreationTime *metav1.Time   `json:"creationTime"`
		Error        *snapshotError `json:"error"`
	} `json:"status"`
}

// content is the name of its content, also before it is bound to that.
func (g *groupSnapshot) content() string {
	if g.Status.Content != "" {
		return g.Status.Content
	}
	return "groupsnapcontent-" + g.Metadata.UID
}

// groupContent is what this package needs of a VolumeGroupSnapshotContent.
type groupContent struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		DeletionPolicy string `json:"deletionPolicy"`
	} `json:"spec"`
	Status struct {
		Handle string         `json:"volumeGroupSnapshotHandle"`
		Error  *snapshotError `json:"error"`
	} `json:"status"`
}

// membersOf are the VolumeSnapshots that the snapshot controller made for a group.
func (e *Engine) membersOf(ctx context.Context, g groupSnapshot) ([]volumeSnapshot, error) {
	var members []volumeSnapshot
	err := list(ctx, e.Cluster, snapshotKind, g.Metadata.Namespace, "", func(s volumeSnapshot) error {
		if s.Metadata.ownedBy(g.Metadata.UID) {
			members = append(members, s)
		}
		return nil
	})
	return members, err
}

// ownedBy reports whether the object of the UID is one of its owners.
func (m *metadata) ownedBy(uid string) bool {
	for _, o := range m.OwnerReferences {
		if o.UID == uid {
			return true
		}
	}
	return false
}

// dropGroup removes a group from the cluster, and whether its snapshots go with it says the policy. Its members go
// after it; the controllers in the cluster finish that.
func (e *Engine) dropGroup(ctx context.Context, k *groupKinds, g groupSnapshot, policy string) error {
	name := g.content()
	content, err := merge[groupContent](ctx, e.Cluster, k.content, "", name, map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{groupBeingDeleted: "yes"}}, "spec": map[string]any{"deletionPolicy": policy}})
	there := err == nil
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("setting VolumeGroupSnapshotContent %s to %s: %w", name, policy, err)
	}
	if _, err := e.deleteOne(ctx, k.snapshot, g.Metadata); err != nil {
		return err
	}
	if !there || policy != retain { // with Delete the snapshot controller deletes it
		return nil
	}
	_, err = e.deleteOne(ctx, k.content, content.Metadata)
	return err
}
