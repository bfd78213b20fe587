package catalog

import (
	"context"

	"salvor.io/salvor/shared/salvor"
)

// Restoring names, for each backup that a restore reads which has not ended, that restore.
func Restoring(ctx context.Context, c Objects) (map[salvor.BackupID]string, error) {
	found := map[salvor.BackupID]string{}
	for cursor := ""; ; {
		page, next, err := c.List(ctx, salvor.KindRestore, cursor, MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			r := o.(*salvor.Restore)
			if r.Status.Phase.Done() {
				continue
			}
			for _, s := range r.Status.Sources {
				found[salvor.BackupID{ClusterID: r.Spec.SourceCluster, Name: s.Backup}] = r.Name
			}
		}
		if cursor = next; cursor == "" {
			return found, nil
		}
	}
}
