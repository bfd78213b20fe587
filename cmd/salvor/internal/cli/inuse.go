package cli

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// forceHelp is the help of --force where settings are changed.
const forceHelp = "change also how a cluster or a location with work in hand, or with backups, is reached"

// notInHand refuses to delete or re-point what a backup needs that is unfinished or owes a thaw.
func (a *app) notInHand(ctx context.Context, h *home.Home, o salvor.Object) error {
	switch o.GetKind() {
	case salvor.KindCluster, salvor.KindBackupLocation, salvor.KindRule:
	default:
		return nil
	}
	found, err := allBackups(ctx, h, catalog.Query{Phases: unfinished, Limit: catalog.MaxLimit})
	if err != nil {
		return err
	}
	for _, f := range found {
		b := f.(*salvor.Backup)
		if !names(b, o) {
			continue
		}
		if b.Status.Thaw != nil && (b.Status.Phase.Done() || a.abandoned(b)) {
			return salvor.Errorf(salvor.Conflict, "%s is needed: %s owes a thaw to %s", reference(o), reference(b), namespaceList(b.Status.Thaw.Namespaces)).
				WithHint("salvor backup resume %s thaws; --force goes on all the same, and the application may stay frozen", b.ID())
		}
		if a.abandoned(b) {
			return salvor.Errorf(salvor.Conflict, "%s is needed: %s was left unfinished", reference(o), reference(b)).
				WithHint("salvor backup resume %s finishes it; --force goes on all the same", b.ID())
		}
		if !b.Status.Phase.Done() && b.Status.Phase != salvor.PhaseDeleting {
			return salvor.Errorf(salvor.Conflict, "%s is needed: %s is being made by %s", reference(o), reference(b), dash(b.Status.Lease.Holder)).
				WithHint("wait for it, or salvor cancel backup %s; --force goes on all the same", b.ID())
		}
	}
	return nil
}

// names reports whether the backup can't be made, or thawed, without the object.
func names(b *salvor.Backup, o salvor.Object) bool {
	name := o.Meta().Name
	switch o := o.(type) {
	case *salvor.Cluster:
		return b.Spec.Cluster == name || b.Status.ClusterID == o.ID()
	case *salvor.BackupLocation:
		return b.Spec.Location == name
	case *salvor.Rule:
		return b.Spec.PreExecRule == name || b.Spec.PostExecRule == name
	}
	return false
}

// repoints refuses a change after which a name would mean another cluster while work is in hand there, or another place
// while backups are kept there. A cluster with a status has just been asked who it is.
func (a *app) repoints(ctx context.Context, h *home.Home, o, there salvor.Object) error {
	if a.force {
		return nil
	}
	switch o := o.(type) {
	case *salvor.Cluster:
		before := there.(*salvor.Cluster)
		same := equality.Semantic.DeepEqual(o.Spec.Kubeconfig, before.Spec.Kubeconfig) && equality.Semantic.DeepEqual(o.Spec.EKS, before.Spec.EKS)
		if same || o.Status.UID != "" && o.Status.UID == before.Status.UID { // the same cluster, reached otherwise
			return nil
		}
		return a.notInHand(ctx, h, before)
	case *salvor.BackupLocation:
		before := there.(*salvor.BackupLocation)
		if place(o.Spec) == place(before.Spec) {
			return nil
		}
		if err := a.notInHand(ctx, h, before); err != nil {
			return err
		}
		return holdsBackups(ctx, h, before)
	}
	return nil
}

// place tells apart where locations are, whatever keys they are read with.
func place(s salvor.BackupLocationSpec) string {
	if s.S3 != nil {
		return fmt.Sprintf("s3 %s %s %s", s.S3.Endpoint, s.S3.Bucket, strings.Trim(s.S3.Prefix, "/"))
	}
	if s.Directory != nil {
		return "directory " + s.Directory.Path
	}
	return ""
}

// holdsBackups refuses when backups of the catalog are kept at the location: under its name they would not be found any more.
func holdsBackups(ctx context.Context, h *home.Home, l *salvor.BackupLocation) error {
	for q := (catalog.Query{Limit: catalog.MaxLimit}); ; {
		page, err := h.Catalog.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, b := range page.Backups {
			if b.Spec.Location == l.Name && b.Status.RootDigest != "" {
				return salvor.Errorf(salvor.Conflict, "%s keeps backups, %s among them, at %s: elsewhere they would not be found", reference(l), reference(b), where(l.Spec)).
					WithHint("give the new place a name of its own; if it is the same data, moved, pass --force")
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}
