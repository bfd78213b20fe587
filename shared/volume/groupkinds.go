package volume

import (
	"context"
	"fmt"
	"slices"

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
		Driver         string `json:"driver"`
		Source         struct {
			Handles struct {
				Group   string   `json:"volumeGroupSnapshotHandle"`
				Members []string `json:"volumeSnapshotHandles"`
			} `json:"groupSnapshotHandles"`
		} `json:"source"`
		Snapshot struct {
			UID string `json:"uid"`
		} `json:"volumeGroupSnapshotRef"`
	} `json:"spec"`
	Status struct {
		Handle  string `json:"volumeGroupSnapshotHandle"`
		Members []struct {
			Handle string `json:"snapshotHandle"`
		} `json:"volumeSnapshotInfoList"`
		Error *snapshotError `json:"error"`
	} `json:"status"`
}

// handle is the driver's name for the group; "" as long as there is none.
func (c *groupContent) handle() string {
	if c.Status.Handle != "" {
		return c.Status.Handle
	}
	return c.Spec.Source.Handles.Group
}

// members are the driver's names for its snapshots.
func (c *groupContent) members() []string {
	handles := slices.Clone(c.Spec.Source.Handles.Members)
	for _, m := range c.Status.Members {
		if m.Handle != "" && !slices.Contains(handles, m.Handle) {
			handles = append(handles, m.Handle)
		}
	}
	return handles
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
	if err := e.setGroupPolicy(ctx, k, name, policy); err != nil {
		return err
	}
	if _, err := e.deleteOne(ctx, k.snapshot, g.Metadata); err != nil {
		return err
	}
	// The snapshot controller deletes the content of a group that is bound to it, and by Delete. Others it forgets.
	if err := e.setGroupPolicy(ctx, k, name, policy); err != nil {
		return err
	}
	_, err := e.deleteOne(ctx, k.content, metadata{Name: name})
	return err
}
