package volume

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
)

// Leftover is what stands in a cluster for a snapshot of a backup, or for a group of them.
type Leftover struct {
	// Backup is whom it was made for.
	Backup salvor.BackupID `json:"backup"`
	// Group says that it is a group: Object is its VolumeGroupSnapshot, Content its VolumeGroupSnapshotContent.
	Group bool `json:"group,omitempty"`
	// Object is the VolumeSnapshot as namespace/name, Content the VolumeSnapshotContent; one of them may be missing.
	Object  string `json:"object,omitempty"`
	Content string `json:"content,omitempty"`
	// Driver and Handle name the snapshot, or the group; empty: it is not cut.
	Driver string `json:"driver,omitempty"`
	Handle string `json:"handle,omitempty"`
	// Members are the handles of the snapshots of a group, as far as they are known.
	Members []string `json:"members,omitempty"`
	// Bytes is its size, as far as it is known.
	Bytes int64 `json:"bytes,omitempty"`
	// Created is when the object was made.
	Created time.Time `json:"created"`
	// Deleting says that its deletion was asked for, and a controller has not come round to it.
	Deleting bool `json:"deleting,omitempty"`

	object, content metadata
	// kinds are those of a group; snapshots and contents are what stands for its members.
	kinds     *groupKinds
	snapshots []metadata
	contents  []snapshotContent
}

// Leftovers finds what stands for snapshots of backups of this catalog: of backups in progress, too.
func (e *Engine) Leftovers(ctx context.Context) ([]Leftover, error) {
	s := &search{Engine: e, byObject: map[string]int{}, byGroup: map[[2]string]int{}}
	for _, find := range []func(context.Context) error{s.groups, s.snapshots, s.contents} {
		err := find(ctx)
		if apierrors.IsNotFound(err) {
			return nil, nil // no CSI snapshots here
		}
		if err != nil {
			return nil, err
		}
	}
	return s.found, nil
}

// search is one run of Leftovers.
type search struct {
	*Engine
	kinds *groupKinds
	found []Leftover
	// byObject tells which of them a VolumeSnapshot or a VolumeGroupSnapshot belongs to, by its UID; byGroup a group, by
	// driver and handle.
	byObject map[string]int
	byGroup  map[[2]string]int
}

// mine is the selector of what this catalog made for backups.
func (s *search) mine() string {
	return selectorOf(map[string]string{LabelManaged: ManagedBy, LabelCatalog: Hash(s.CatalogID)}) + "," + LabelBackup
}

// madeHere reads for which backup of this catalog an object was made.
func (s *search) madeHere(m metadata) (salvor.BackupID, bool) {
	id, ok := madeFor(m)
	return id, ok && m.Labels[LabelManaged] == ManagedBy && m.Labels[LabelCatalog] == Hash(s.CatalogID)
}

// add begins a leftover with an object of it, and returns where it is.
func (s *search) add(id salvor.BackupID, m metadata) int {
	s.found = append(s.found, Leftover{Backup: id, Created: m.CreationTimestamp.Time, Deleting: m.DeletionTimestamp != nil})
	return len(s.found) - 1
}

// snapshots finds VolumeSnapshots: those of the catalog, and all members of its groups.
func (s *search) snapshots(ctx context.Context) error {
	selector := s.mine()
	if len(s.byObject) > 0 {
		selector = "" // the snapshot controller made the members, without labels
	}
	return list(ctx, s.Cluster, snapshotKind, "", selector, func(v volumeSnapshot) error {
		m := v.Metadata
		for _, owner := range m.OwnerReferences {
			if i, member := s.byObject[owner.UID]; member {
				s.byObject[m.UID] = i
				s.found[i].snapshots = append(s.found[i].snapshots, m)
				return nil
			}
		}
		id, mine := s.madeHere(m)
		if !mine {
			return nil
		}
		i := s.add(id, m)
		s.byObject[m.UID] = i
		l := &s.found[i]
		l.Object, l.object = m.Namespace+"/"+m.Name, m
		if v.Status.RestoreSize != nil {
			l.Bytes = v.Status.RestoreSize.Value()
		}
		return nil
	})
}

// contents finds VolumeSnapshotContents: those of what was found, and those of the catalog.
func (s *search) contents(ctx context.Context) error {
	return list(ctx, s.Cluster, contentKind, "", "", func(c snapshotContent) error {
		i, known := s.byObject[c.Spec.Snapshot.UID]
		id, mine := s.madeHere(c.Metadata)
		group := [2]string{c.Spec.Driver, c.Status.GroupHandle}
		if !known && mine && c.Status.GroupHandle != "" {
			if i, known = s.byGroup[group]; !known { // the group's own objects were deleted
				i, known = s.addGroup(id, c.Metadata), true
				s.byGroup[group] = i
			}
		}
		if !known && !mine {
			return nil
		}
		if !known {
			i = s.add(id, c.Metadata)
		}
		if s.found[i].Group {
			s.found[i].member(c)
			return nil
		}
		l := &s.found[i]
		l.Content, l.content, l.Driver, l.Handle = c.Metadata.Name, c.Metadata, c.Spec.Driver, c.handle()
		if c.Status.RestoreSize > 0 {
			l.Bytes = c.Status.RestoreSize
		}
		return nil
	})
}

// madeFor reads for which backup an object was made.
func madeFor(m metadata) (salvor.BackupID, bool) {
	cluster, name, ok := strings.Cut(m.Annotations[AnnotationFor], "/")
	id := salvor.BackupID{ClusterID: cluster, Name: name}
	return id, ok && m.Labels[LabelBackup] == Hash(id.String())
}
