package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

// backupFlags are those of a BackupSpec.
type backupFlags struct {
	scopeFlags
	files                   []string
	spec                    salvor.BackupSpec
	consistency, userLabels string
	ruleScope               string
	timeout, maxFreeze      time.Duration
}

func (f *backupFlags) add(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.spec.Cluster, "cluster", "", "cluster to back up (default the only one)")
	flags.StringVar(&f.spec.Location, "location", "", "location to store it at (default the only one)")
	f.scopeFlags.add(cmd)
	flags.StringVar(&f.spec.PreExecRule, "pre-exec-rule", "", "rule to run before the cut")
	flags.StringVar(&f.spec.PostExecRule, "post-exec-rule", "", "rule to run after the cut, whatever happens")
	flags.BoolVar(&f.spec.VeleroHooks, "velero-hooks", false, "run also the commands that Velero's annotations of pods name, around the cut")
	addFreezeFlags(cmd, &f.maxFreeze, &f.ruleScope)
	flags.StringVar(&f.userLabels, "labels", "", "labels of the backup, such as app=shop,tier=test")
	flags.StringVar(&f.consistency, "consistency", "", "when the cut is too old to read: BestEffort (name what is of a later moment) or Strict (fail)")
	flags.DurationVar(&f.timeout, "timeout", 0, "end the backup as Failed after this time (default 4h)")
	addFiles(cmd, &f.files)
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	a.completeFlag(cmd, "location", salvor.KindBackupLocation)
	a.completeFlag(cmd, "pre-exec-rule", salvor.KindRule)
	a.completeFlag(cmd, "post-exec-rule", salvor.KindRule)
	_ = cmd.RegisterFlagCompletionFunc("consistency", cobra.FixedCompletions([]string{"BestEffort", "Strict"}, cobra.ShellCompDirectiveNoFileComp))
}

// backup makes the Backup that the flags describe; named says whether the user chose its name.
func (f *backupFlags) backup(cmd *cobra.Command, a *app, h *home.Home, args []string) (b *salvor.Backup, named bool, err error) {
	if len(f.files) > 0 {
		b, err = f.fromFile(cmd, a, args)
		return b, true, err
	}
	b = salvor.New(salvor.KindBackup).(*salvor.Backup)
	if b.Spec, err = f.backupSpec(); err != nil {
		return nil, false, err
	}
	if b.Labels, err = labels.ConvertSelectorToLabelsMap(f.userLabels); err != nil {
		return nil, false, salvor.Errorf(salvor.Invalid, "--labels: %w", err)
	}
	if len(b.Labels) == 0 {
		b.Labels = nil
	}
	if b.Spec.Cluster == "" {
		if b.Spec.Cluster, err = only(cmd.Context(), h, salvor.KindCluster, "--cluster"); err != nil {
			return nil, false, err
		}
	}
	if b.Spec.Location == "" {
		if b.Spec.Location, err = only(cmd.Context(), h, salvor.KindBackupLocation, "--location"); err != nil {
			return nil, false, err
		}
	}
	if len(args) > 0 {
		b.Name = args[0]
	} else {
		b.Name = b.Spec.Cluster + "-" + strings.ToLower(a.sys.Now().UTC().Format("20060102T150405Z"))
	}
	return b, len(args) > 0, nil
}

func (f *backupFlags) backupSpec() (spec salvor.BackupSpec, err error) {
	spec = f.spec
	if spec.Scope, err = f.scope(); err != nil {
		return spec, err
	}
	spec.Consistency = salvor.Consistency(f.consistency)
	spec.Timeout = metav1.Duration{Duration: f.timeout}
	spec.MaxFreeze, spec.RuleScope = metav1.Duration{Duration: f.maxFreeze}, salvor.RuleScope(f.ruleScope)
	return spec, nil
}

// fromFile reads the one Backup in the files. Flags beside it would be half of a spec, and are refused.
func (f *backupFlags) fromFile(cmd *cobra.Command, a *app, args []string) (*salvor.Backup, error) {
	for _, name := range append([]string{"cluster", "location", "pre-exec-rule", "post-exec-rule", "velero-hooks", "max-freeze", "rule-scope", "labels", "consistency", "timeout"}, scopeNames...) {
		if cmd.Flags().Changed(name) {
			return nil, salvor.Errorf(salvor.Invalid, "--%s doesn't go with -f", name).WithHint("write it into the document")
		}
	}
	o, err := a.loadOne(f.files, salvor.KindBackup)
	if err != nil {
		return nil, err
	}
	b := o.(*salvor.Backup)
	if len(args) > 0 && args[0] != b.Name {
		return nil, salvor.Errorf(salvor.Invalid, "the document is called %q and the argument %q", b.Name, args[0]).WithHint("leave one out")
	}
	b.Status, b.ResourceVersion = salvor.BackupStatus{}, ""
	return b, nil
}

// loadOne reads the only document of the files, of the kind.
func (a *app) loadOne(files []string, kind string) (salvor.Object, error) {
	objects, err := a.load(files)
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 || objects[0].GetKind() != kind {
		return nil, salvor.Errorf(salvor.Invalid, "%s must hold one %s and nothing else", strings.Join(files, ", "), kind).
			WithHint("salvor apply -f takes everything else")
	}
	return objects[0], nil
}
