package backup

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// Begin records the backup as Pending. When one of that identity is there already it returns that one, created false:
// asking twice does it once. The names that the spec refers to are checked first. Invalid: the spec is wrong; NotFound: a
// name that it refers to is not there.
func (e *Engine) Begin(ctx context.Context, b *salvor.Backup) (recorded *salvor.Backup, created bool, err error) {
	return e.begin(ctx, b, "")
}

// BeginSkipped is Begin of a backup that is not to be made: it is recorded as Canceled, with the reason, so that asking again
// does not make it either.
func (e *Engine) BeginSkipped(ctx context.Context, b *salvor.Backup, why string) (recorded *salvor.Backup, created bool, err error) {
	return e.begin(ctx, b, why)
}

func (e *Engine) begin(ctx context.Context, b *salvor.Backup, skip string) (recorded *salvor.Backup, created bool, err error) {
	b.Default()
	if errs := b.Validate(); len(errs) > 0 {
		return nil, false, salvor.Errorf(salvor.Invalid, "backup %q: %w", b.Name, errs.ToAggregate())
	}
	if err := e.resolve(ctx, b); err != nil {
		return nil, false, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	if err := e.checkKinds(ctx, b); err != nil {
		return nil, false, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	b.Status = salvor.BackupStatus{Phase: salvor.PhasePending, ClusterID: b.Status.ClusterID}
	b.CreationTimestamp = metav1.NewTime(e.Now())
	if skip != "" {
		b.Status.Phase, b.Status.Message, b.Status.CompletedAt = salvor.PhaseCanceled, skip, b.CreationTimestamp
	}
	err = e.Catalog.CreateBackup(ctx, b)
	if salvor.Is(err, salvor.Exists) {
		recorded, err = e.Catalog.GetBackup(ctx, b.ID())
		return recorded, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("backup %q: recording it: %w", b.Name, err)
	}
	return b, true, nil
}

// kindsTime bounds how long a cluster is asked for its kinds before a backup is recorded.
const kindsTime = 10 * time.Second

// checkKinds refuses kinds that the cluster does not serve before a name is taken for a backup that can only fail. Where
// nobody is there to correct it, as for a run of a schedule, or the cluster does not answer, the backup itself says so.
func (e *Engine) checkKinds(ctx context.Context, b *salvor.Backup) error {
	if e.Open == nil || b.Spec.Schedule != "" || len(b.Spec.Scope.Kinds)+len(b.Spec.Scope.ExcludeKinds) == 0 {
		return nil
	}
	if _, err := e.Catalog.GetBackup(ctx, b.ID()); err == nil {
		return nil // it is recorded already
	}
	chosen, err := selection.New(b.Spec.Scope)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, kindsTime)
	defer stop()
	site, err := e.Open(ctx, b)
	if err != nil {
		return nil
	}
	served, err := site.Cluster.Discover(ctx)
	if err != nil {
		return nil
	}
	if err := chosen.CheckKinds(served.Resources); err != nil {
		return fmt.Errorf("cluster %q: %w", b.Spec.Cluster, err)
	}
	return nil
}

// resolve finds the cluster's id and checks that the location and the rules exist.
func (e *Engine) resolve(ctx context.Context, b *salvor.Backup) error {
	o, err := e.Catalog.Get(ctx, salvor.KindCluster, b.Spec.Cluster)
	if err != nil {
		return missing(err, "spec.cluster", "cluster", b.Spec.Cluster)
	}
	b.Status.ClusterID = o.(*salvor.Cluster).ID()
	if _, err := e.Catalog.Get(ctx, salvor.KindBackupLocation, b.Spec.Location); err != nil {
		return missing(err, "spec.location", "location", b.Spec.Location)
	}
	for field, name := range map[string]string{"spec.preExecRule": b.Spec.PreExecRule, "spec.postExecRule": b.Spec.PostExecRule} {
		if _, err := e.rule(ctx, name); err != nil {
			return missing(err, field, "rule", name)
		}
	}
	return nil
}

func missing(err error, field, kind, name string) error {
	if salvor.Is(err, salvor.NotFound) {
		many := kind + "s"
		if most, ok := strings.CutSuffix(kind, "y"); ok {
			many = most + "ies"
		}
		return salvor.Errorf(salvor.NotFound, "%s: there is no %s %q", field, kind, name).WithHint("salvor get %s lists them", many)
	}
	return fmt.Errorf("%s: %w", field, err)
}

// rule returns the rule of the name; an empty name is an empty rule.
func (e *Engine) rule(ctx context.Context, name string) (salvor.RuleSpec, error) {
	if name == "" {
		return salvor.RuleSpec{}, nil
	}
	o, err := e.Catalog.Get(ctx, salvor.KindRule, name)
	if err != nil {
		return salvor.RuleSpec{}, err
	}
	return o.(*salvor.Rule).Spec, nil
}

// RequestCancel asks whoever works on the backup to thaw and stop. A backup that nobody works on, and that owes no thaw, is
// Canceled at once, and Tidy removes what was cut for it; one that is Settling by the next look at it, unless its snapshots are ready by then.
func RequestCancel(ctx context.Context, c catalog.Backups, id salvor.BackupID) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		if b.Status.Phase.Done() {
			return salvor.Errorf(salvor.Conflict, "backup %s is %s already", id, b.Status.Phase)
		}
		s := &b.Status
		s.CancelRequested = true
		switch {
		case s.Phase == salvor.PhaseSettling:
		case s.Phase == salvor.PhasePending && s.Lease.Epoch == 0:
			s.Phase, s.Message = salvor.PhaseCanceled, "canceled before it began"
		case s.Lease.Holder == "" && s.Thaw == nil && s.Phase != salvor.PhaseDeleting:
			canceled(s)
		}
		return nil
	})
}
