package volume

import (
	"context"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// keep makes the content of a snapshot that was cut Retain, so that nobody's clean-up in the cluster loses the data, and
// reads back that it does. What may pass is tried again with the next look.
func (c *cutting) keep(ctx context.Context, p *pending, s volumeSnapshot) error {
	if p.group != nil {
		if err := c.mark(ctx, s); err != nil {
			return c.notKept(p, s, err)
		}
	}
	_, err := merge[snapshotContent](ctx, c.Cluster, contentKind, "", s.Status.Content, marks(c.CatalogID, c.Backup, c.Epoch, retain))
	if err != nil {
		return c.notKept(p, s, err)
	}
	raw, err := c.Cluster.Get(ctx, contentKind, "", s.Status.Content)
	if err != nil {
		return c.notKept(p, s, err)
	}
	content, err := decode[snapshotContent](contentKind, raw)
	switch {
	case err != nil:
		return err
	case content.Spec.DeletionPolicy != retain:
		p.fail(fmt.Sprintf("its VolumeSnapshotContent %s was set to Retain and says %s: something in the cluster changes it", s.Status.Content, content.Spec.DeletionPolicy))
		return nil
	case content.Status.Handle == "" || content.Status.CreationTime == 0:
		return nil // not yet: with the next look
	}
	p.cut(s, content)
	p.volume.Snapshot.Inside = c.Inside != nil && c.Inside(p.volume.Namespace)
	return nil
}

// marks is the change that marks a content as made for the backup, and says whether its snapshot goes with it.
func marks(catalog string, backup salvor.BackupID, epoch int64, policy string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"labels": epochLabels(catalog, backup, epoch), "annotations": map[string]string{AnnotationFor: backup.String()}},
		"spec":     map[string]any{"deletionPolicy": policy},
	}
}

// epochLabels are those of all that a worker makes for a cut.
func epochLabels(catalog string, backup salvor.BackupID, epoch int64) map[string]string {
	labels := BackupLabels(catalog, backup)
	labels[LabelEpoch] = strconv.FormatInt(epoch, 10)
	return labels
}

// mind gives a volume up whose claim goes: the snapshot controller would say for ever that it can't begin, and the application
// be held as long.
func (c *cutting) mind(ctx context.Context, p *pending) {
	why := "its claim was deleted while it was cut"
	q := cluster.ListRequest{Resource: claimKind, Namespace: p.volume.Namespace, FieldSelector: "metadata.name=" + p.volume.Claim} // a backup may list, and not get
	_, err := c.Cluster.List(ctx, q, func(i cluster.Item) error {
		claim, err := ClaimOf(i.Raw)
		switch {
		case claim.Metadata.Name != p.volume.Claim:
		case claim.Metadata.DeletionTimestamp == nil:
			why = ""
		default:
			why = "its claim is being deleted: " + p.last
		}
		return err
	})
	if err == nil && why != "" {
		p.fail(why)
	}
}

// notKept decides what to do about an error of keeping: only what can't pass ends it.
func (c *cutting) notKept(p *pending, s volumeSnapshot, err error) error {
	reason := fmt.Sprintf("its VolumeSnapshotContent %s could not be set to Retain: %v", s.Status.Content, err)
	switch {
	case apierrors.IsNotFound(err):
		p.fail("its VolumeSnapshotContent " + s.Status.Content + " was deleted while it was cut")
	case refused(err):
		p.fail(reason)
	default:
		p.last = reason
	}
	return nil
}

// cut notes what the driver said of the snapshot.
func (p *pending) cut(s volumeSnapshot, content snapshotContent) {
	v := p.volume
	v.State = archive.VolumeCut
	if s.Status.ReadyToUse || content.Status.ReadyToUse {
		v.State = archive.VolumeReady
	}
	n := v.Snapshot
	n.Object = s.Metadata.Name
	n.Content, n.Handle, n.GroupHandle = content.Metadata.Name, content.Status.Handle, content.Status.GroupHandle
	n.CutAt = metav1.NewMicroTime(time.Unix(0, content.Status.CreationTime).UTC())
	n.RestoreSize = content.Status.RestoreSize
	if n.RestoreSize == 0 && s.Status.RestoreSize != nil {
		n.RestoreSize = s.Status.RestoreSize.Value()
	}
	p.over = true
}

// selectorOf is the selector of what has all the labels.
func selectorOf(set map[string]string) string { return labels.SelectorFromSet(set).String() }
