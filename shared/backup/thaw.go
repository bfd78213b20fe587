package backup

import (
	"context"
	"fmt"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// PayThaw runs the thaw that a backup still owes though it has ended, and strikes it once it has succeeded.
// Conflict: it owes none, or it has not ended, and Run pays before anything else.
func (e *Engine) PayThaw(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b, err := e.Catalog.GetBackup(ctx, id)
	if err != nil {
		return nil, err
	}
	owed := b.Status.Thaw
	if owed == nil || !b.Status.Phase.Done() {
		return nil, salvor.Errorf(salvor.Conflict, "backup %q is %s and owes no thaw of its own", b.Name, b.Status.Phase)
	}
	site, err := e.Open(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	if _, err := site.Rules.Run(ctx, owed.Rule, owed.Namespaces, postExec); err != nil {
		return nil, fmt.Errorf("backup %q: %s rule: %w", b.Name, postExec, err)
	}
	return catalog.MutateBackup(ctx, e.Catalog, id, func(b *salvor.Backup) error {
		b.Status.Thaw = nil
		return nil
	})
}
