package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) rule() *cobra.Command {
	return a.parent("rule", "See where a rule would run, and try it", a.ruleTest())
}

// ruleFlags are those of salvor rule test.
type ruleFlags struct {
	files              []string
	namespaces         globs
	cluster, postExec  string
	ruleScope          string
	maxFreeze          time.Duration
	hooks, really, yes bool
}

func (a *app) ruleTest() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{
		Use:   "test [NAME] -n NAMESPACES",
		Short: "See in which pods and containers a rule would run, and why not in others; with --run, run it once",
		Long: `See in which pods and containers each sub-rule of a rule would run now, and why others are left out. Nothing is run for that,
neither a command that tells a leader. With -f, the rule is one of a file and need not be stored; a Rule of Stork will do.

With --run it is run once, as a backup would: the rule, and its background commands held; a cut, which stores nothing; then the
background commands ended and the rule of --post-exec run. What every command said is shown. While that goes on, it is recorded
as a backup called rule-test-…, so that other backups of these namespaces wait, and so that the thaw is run by salvor serve, or
salvor backup resume, if this process is killed. Ctrl-C thaws and ends. It takes the catalog of this machine, not one behind --api.`,
		Example: "  salvor rule test freeze-shop -n 'shop-*' --post-exec thaw-shop\n" +
			"  salvor rule test -f new-rule.yaml -n shop\n" +
			"  salvor rule test freeze-shop -n shop --post-exec thaw-shop --run --yes\n" +
			"  salvor rule test --velero-hooks -n shop",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindRule),
	}
	flags := cmd.Flags()
	flags.VarP(&f.namespaces, "namespaces", "n", "namespaces, names or globs such as 'shop-*'; may be repeated")
	flags.StringVar(&f.cluster, "cluster", "", "cluster to look at (default the only one)")
	flags.StringVar(&f.postExec, "post-exec", "", "rule that would run after the cut")
	flags.BoolVar(&f.hooks, "velero-hooks", false, "also the commands that Velero's annotations of pods name")
	flags.BoolVar(&f.really, "run", false, "run it once, and thaw")
	flags.BoolVar(&f.yes, "yes", false, "don't ask before it is run")
	addFreezeFlags(cmd, &f.maxFreeze, &f.ruleScope)
	addFiles(cmd, &f.files)
	out := addOutput(cmd)
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	a.completeFlag(cmd, "post-exec", salvor.KindRule)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		if *out == outName {
			return salvor.Errorf(salvor.Invalid, "-o name is not for this: choose of table, json, yaml")
		}
		h, err := a.home()
		if err != nil {
			return err
		}
		t, err := f.test(cmd.Context(), a, h, args)
		if err != nil {
			return err
		}
		return a.testRule(cmd.Context(), t, f, *out)
	})
	return cmd
}

// addFreezeFlags adds how long, and together with what, an application may be held.
func addFreezeFlags(cmd *cobra.Command, maxFreeze *time.Duration, ruleScope *string) {
	cmd.Flags().DurationVar(maxFreeze, "max-freeze", 0, "how long the application may be held; then it is thawed, and nothing is cut (default 2m)")
	cmd.Flags().StringVar(ruleScope, "rule-scope", "", "hold all namespaces together (Backup) or each by itself (Namespace) (default Backup)")
	_ = cmd.RegisterFlagCompletionFunc("rule-scope", cobra.FixedCompletions([]string{"Backup", "Namespace"}, cobra.ShellCompDirectiveNoFileComp))
}

// ruleTest is what is tested: the backup that would run the rules, and the rules.
type ruleTest struct {
	h         *home.Home
	engine    *backup.Engine
	backup    *salvor.Backup
	pre, post salvor.RuleSpec
}

// fileRules are rules that need not be stored, before those that are.
type fileRules struct {
	backup.Catalog
	rules map[string]salvor.Object
}

var _ backup.Catalog = fileRules{}

// Get returns a rule of the files, if there is one.
func (c fileRules) Get(ctx context.Context, kind, name string) (salvor.Object, error) {
	if r := c.rules[name]; kind == salvor.KindRule && r != nil {
		return r, nil
	}
	return c.Catalog.Get(ctx, kind, name)
}

// test finds the rules, the cluster and the namespaces.
func (f *ruleFlags) test(ctx context.Context, a *app, h *home.Home, args []string) (*ruleTest, error) {
	if len(f.namespaces) == 0 {
		return nil, salvor.Errorf(salvor.Invalid, "in which namespaces?").WithHint("pass -n, such as -n shop or -n 'shop-*'")
	}
	rules, err := f.rulesOf(a)
	if err != nil {
		return nil, err
	}
	t := &ruleTest{h: h, engine: h.Backups(), backup: salvor.New(salvor.KindBackup).(*salvor.Backup)}
	found := fileRules{t.engine.Catalog, rules}
	t.engine.Catalog = found
	spec := &t.backup.Spec
	*spec = salvor.BackupSpec{Cluster: f.cluster, Scope: salvor.Scope{Namespaces: f.namespaces}, PostExecRule: f.postExec, VeleroHooks: f.hooks,
		MaxFreeze: metav1.Duration{Duration: f.maxFreeze}, RuleScope: salvor.RuleScope(f.ruleScope)}
	if spec.PreExecRule, err = f.name(args, rules); err != nil {
		return nil, err
	}
	if spec.Cluster == "" {
		if spec.Cluster, err = only(ctx, h, salvor.KindCluster, "--cluster"); err != nil {
			return nil, err
		}
	}
	t.backup.Name = "rule-test-" + strings.ToLower(a.sys.Now().UTC().Format("20060102T150405Z"))
	if err := checkFreeze(t.backup); err != nil {
		return nil, err
	}
	if t.pre, err = ruleSpec(ctx, found, spec.PreExecRule); err != nil {
		return nil, err
	}
	t.post, err = ruleSpec(ctx, found, spec.PostExecRule)
	return t, err
}

// rulesOf reads the files, which hold rules and nothing else.
func (f *ruleFlags) rulesOf(a *app) (map[string]salvor.Object, error) {
	rules := map[string]salvor.Object{}
	if len(f.files) == 0 {
		return rules, nil
	}
	objects, err := a.load(f.files)
	for _, o := range objects {
		if o.GetKind() != salvor.KindRule {
			return nil, salvor.Errorf(salvor.Invalid, "%s is no rule", reference(o))
		}
		rules[o.Meta().Name] = o
	}
	return rules, err
}

// name is the rule to test: the one that is named, or the only one of the files beside that of --post-exec.
func (f *ruleFlags) name(args []string, rules map[string]salvor.Object) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	var names []string
	for name := range rules {
		if name != f.postExec {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 1:
		return names[0], nil
	case len(names) > 1:
		return "", salvor.Errorf(salvor.Invalid, "which of the rules %s?", strings.Join(names, ", ")).WithHint("name it")
	case f.hooks || f.postExec != "":
		return "", nil
	}
	return "", salvor.Errorf(salvor.Invalid, "which rule?").WithHint("name one, or a file with -f; salvor get rules lists them")
}

func ruleSpec(ctx context.Context, c interface {
	Get(ctx context.Context, kind, name string) (salvor.Object, error)
}, name string) (salvor.RuleSpec, error) {
	if name == "" {
		return salvor.RuleSpec{}, nil
	}
	o, err := c.Get(ctx, salvor.KindRule, name)
	if salvor.Is(err, salvor.NotFound) {
		return salvor.RuleSpec{}, salvor.Errorf(salvor.NotFound, "there is no rule %q", name).WithHint("salvor get rules lists them; -f reads one from a file")
	}
	if err != nil {
		return salvor.RuleSpec{}, err
	}
	return o.(*salvor.Rule).Spec, nil
}

// checkFreeze validates what the flags say, for a backup that needs no location.
func checkFreeze(b *salvor.Backup) error {
	c := *b
	c.Spec.Location = "none"
	c.Default()
	if errs := c.Validate(); len(errs) > 0 {
		return salvor.Errorf(salvor.Invalid, "%w", errs.ToAggregate())
	}
	return nil
}
