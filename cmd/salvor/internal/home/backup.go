package home

import (
	"context"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// Backups returns the engine that makes backups. The caller may set its hooks.
func (h *Home) Backups() *backup.Engine {
	return &backup.Engine{
		Catalog: h.Catalog, Open: h.open, Store: h.store, Now: h.options.Now, Holder: h.options.Holder,
		CatalogID: h.ID, SalvorVersion: h.options.Version,
	}
}

// open reaches the cluster that the backup names.
func (h *Home) open(ctx context.Context, b *salvor.Backup) (*backup.Site, error) {
	c, client, err := h.NamedCluster(ctx, b.Spec.Cluster)
	if err != nil {
		return nil, err
	}
	if id := b.Status.ClusterID; id != "" && id != c.ID() {
		return nil, salvor.Errorf(salvor.Conflict, "cluster %q has the id %q now, and the backup is of %q", c.Name, c.ID(), id).
			WithHint("name the backup's cluster in spec.cluster")
	}
	engine := &rule.Engine{Cluster: client, Now: h.options.Now}
	return &backup.Site{Cluster: client, Rules: rules{engine}}, nil
}

// store reaches the location that the backup names.
func (h *Home) store(ctx context.Context, b *salvor.Backup) (*repository.Repository, error) {
	return h.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
}

// rules lets the backup engine run rules and keep what they report, whatever it is.
type rules struct{ *rule.Engine }

var _ backup.Rules = rules{}

// Freeze runs the rule before the cut.
func (r rules) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	hold, err := r.Engine.Freeze(ctx, request(q))
	return backup.Frozen{Lost: hold.Lost, End: func(ctx context.Context) (backup.RuleReport, error) {
		report, err := hold.End(ctx)
		return backup.RuleReport{Report: report, Warnings: report.Warnings}, err
	}}, err
}

// Thaw runs the rule after the cut.
func (r rules) Thaw(ctx context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	report, err := r.Engine.Thaw(ctx, request(q))
	return backup.RuleReport{Report: report, Warnings: report.Warnings}, err
}

func request(q backup.RuleRequest) rule.Request {
	out := rule.Request{Spec: q.Rule, After: q.After, Namespaces: q.Namespaces, MaxFreeze: q.MaxFreeze, Begin: q.Begin, GoOn: q.GoOn, Begun: q.Begun, Spared: q.Spared}
	if q.VeleroHooks {
		out.Hooks = q.PodSelectors
	}
	return out
}

// DeleteBackup removes a backup's manifest and reports, and then what the catalog knows of it. With force, also one that
// still owes a thaw.
func (h *Home) DeleteBackup(ctx context.Context, id salvor.BackupID, force bool) error {
	if h.Remote != nil {
		return h.Remote.Remove(ctx, id, force)
	}
	return backup.Delete(ctx, h.Catalog, id, backup.Remover{Open: h.store, CatalogID: h.ID, Now: h.options.Now, Force: force})
}
