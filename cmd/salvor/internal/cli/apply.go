package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/stork"
)

func (a *app) apply() *cobra.Command {
	var files []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create or change clusters, locations, rules, policies and schedules from files",
		Long: `Create or change objects from YAML or JSON: files, directories (their .yaml, .yml and .json files), or - for
standard input. A file may hold several documents. All are read and checked first; with any mistake, all mistakes are
listed and nothing is changed.

A Rule of Stork (stork.libopenstorage.org/v1alpha1), which PX-Backup runs too, is taken as it is, also in a List as kubectl
prints it, and becomes a Rule of Salvor; notes say what is different then. Salvor's rules have no namespace: one does not
replace another of the same name that was in another namespace.

With --dry-run all is read and checked, and nothing is stored; -o yaml prints what each document becomes.

Backups and restores are work, not settings: salvor backup create -f and salvor restore -f run them.`,
		Example: "  salvor apply -f cluster.yaml -f rules/\n  salvor get rules -o yaml | salvor apply -f -\n" +
			"  kubectl get rules.stork.libopenstorage.org -A -o yaml | salvor apply -f - --dry-run -o yaml",
		Args: cobra.NoArgs,
	}
	addFiles(cmd, &files)
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "read and check, and store nothing")
	cmd.Flags().BoolVar(&a.force, "force", false, forceHelp)
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		if len(files) == 0 {
			return salvor.Errorf(salvor.Invalid, "nothing to apply").WithHint("name a file with -f, or - for standard input")
		}
		objects, err := a.load(files)
		if err != nil {
			return err
		}
		if err := onlySettings(objects); err != nil {
			return err
		}
		if dryRun {
			return a.wouldApply(objects, *out)
		}
		h, err := a.home()
		if err != nil {
			return err
		}
		return a.applyAll(cmd.Context(), h, objects, *out)
	})
	return cmd
}

// wouldApply prints what was read and is not stored.
func (a *app) wouldApply(objects []salvor.Object, out output) error {
	if !out.table() {
		return a.print(out, objects, len(objects) == 1)
	}
	for _, o := range objects {
		if _, err := fmt.Fprintln(a.sys.Stdout, reference(o), "would be applied"); err != nil {
			return err
		}
	}
	return nil
}

// onlySettings refuses what apply would have to run.
func onlySettings(objects []salvor.Object) error {
	for _, o := range objects {
		switch o.GetKind() {
		case salvor.KindBackup:
			return salvor.Errorf(salvor.Invalid, "%s is work to run, not a setting; nothing was changed", reference(o)).WithHint("run it with salvor backup create -f")
		case salvor.KindRestore:
			return salvor.Errorf(salvor.Invalid, "%s is work to run, not a setting; nothing was changed", reference(o)).WithHint("run it with salvor restore -f")
		}
	}
	return nil
}

// applyAll stores the objects in the order of their references, and goes on after one that can't be stored.
func (a *app) applyAll(ctx context.Context, h *home.Home, objects []salvor.Object, out output) error {
	rank := map[string]int{}
	for i, kind := range salvor.Kinds() {
		rank[kind] = i
	}
	slices.SortStableFunc(objects, func(x, y salvor.Object) int { return cmp.Compare(rank[x.GetKind()], rank[y.GetKind()]) })
	var errs []error
	var stored []salvor.Object
	for _, o := range objects {
		if c, ok := o.(*salvor.Cluster); ok {
			c.Status = salvor.ClusterStatus{} // what a cluster once answered is no part of a document
		}
		if l, ok := o.(*salvor.BackupLocation); ok {
			l.Status = salvor.BackupLocationStatus{}
		}
		done, err := a.store(ctx, h, o)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", reference(o), err))
			continue
		}
		if stored = append(stored, o); out.table() {
			fmt.Fprintln(a.sys.Stdout, reference(o), done)
		}
		for _, w := range append(danglingReferences(ctx, h, o), onlyWritable(o)...) {
			a.warn("warning: %s: %s", reference(o), w)
		}
	}
	if !out.table() && len(stored) > 0 {
		errs = append(errs, a.print(out, stored, len(objects) == 1))
	}
	return errors.Join(errs...)
}

// store creates or updates the object, and says which. A cluster with a status has just been asked who it is.
func (a *app) store(ctx context.Context, h *home.Home, o salvor.Object) (done string, err error) {
	there, err := h.Catalog.Get(ctx, o.GetKind(), o.Meta().Name)
	if salvor.Is(err, salvor.NotFound) {
		m := o.Meta()
		m.ResourceVersion, m.CreationTimestamp, m.RequestedBy = "", metav1.NewTime(a.sys.Now()), a.sys.User
		salvor.KeepStatus(o, nil, a.sys.Now())
		return "created", h.Catalog.Create(ctx, o)
	}
	if err != nil {
		return "", err
	}
	if version := o.Meta().ResourceVersion; version != "" && version != there.Meta().ResourceVersion {
		return "", salvor.Errorf(salvor.Conflict, "it was changed since this document was read").
			WithHint("read it again, or take metadata.resourceVersion out")
	}
	if err := errors.Join(a.repoints(ctx, h, o, there), stork.Clash(o, there)); err != nil {
		return "", err
	}
	if c, ok := o.(*salvor.Cluster); ok {
		a.warnOfAnother(c, there.(*salvor.Cluster))
	}
	if err := keep(o, there); err != nil {
		return "", err
	}
	salvor.KeepStatus(o, there, a.sys.Now())
	if equality.Semantic.DeepEqual(o, there) {
		return "unchanged", nil
	}
	return "configured", h.Catalog.Update(ctx, o)
}

// warnOfAnother says that a cluster which has just been asked who it is is not the one that it was.
func (a *app) warnOfAnother(c, before *salvor.Cluster) {
	if c.Status.UID != "" && before.Status.UID != "" && c.Status.UID != before.Status.UID {
		a.warn("warning: %s is another cluster than before: its backups go on under the id %s, after those of the former; give it another name to keep them apart", reference(c), before.ID())
	}
}

// keep takes over from the stored object what a document doesn't set: who made it and when, and its status.
func keep(o, there salvor.Object) error {
	m, old := o.Meta(), there.Meta()
	m.ResourceVersion, m.CreationTimestamp, m.RequestedBy = old.ResourceVersion, old.CreationTimestamp, old.RequestedBy
	if c, ok := o.(*salvor.Cluster); ok {
		before := there.(*salvor.Cluster)
		if c.ID() != before.ID() {
			return salvor.Errorf(salvor.Conflict, "spec.id is %q and can't become %q: its backups are stored under it", before.ID(), c.ID()).
				WithHint("give the other cluster a name of its own")
		}
		if c.Status.CheckedAt.IsZero() {
			c.Status = before.Status
		}
	}
	if l, ok := o.(*salvor.BackupLocation); ok {
		l.Status = there.(*salvor.BackupLocation).Status
	}
	return nil
}

// danglingReferences says which objects a schedule names that are not there yet.
func danglingReferences(ctx context.Context, h *home.Home, o salvor.Object) []string {
	s, ok := o.(*salvor.BackupSchedule)
	if !ok {
		return nil
	}
	t := s.Spec.Template.Spec
	var missing []string
	for _, r := range []struct{ field, kind, name string }{
		{"spec.policy", salvor.KindSchedulePolicy, s.Spec.Policy},
		{"spec.template.spec.cluster", salvor.KindCluster, t.Cluster},
		{"spec.template.spec.location", salvor.KindBackupLocation, t.Location},
		{"spec.template.spec.preExecRule", salvor.KindRule, t.PreExecRule},
		{"spec.template.spec.postExecRule", salvor.KindRule, t.PostExecRule},
	} {
		if r.name == "" {
			continue
		}
		if _, err := h.Catalog.Get(ctx, r.kind, r.name); salvor.Is(err, salvor.NotFound) {
			missing = append(missing, fmt.Sprintf("%s: there is no %s %q yet", r.field, r.kind, r.name))
		}
	}
	return missing
}
