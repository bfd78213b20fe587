package cli

import (
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"salvor.io/salvor/shared/salvor"
)

// scopeFlags are those of a Scope.
type scopeFlags struct {
	namespaces, excludeNamespaces                      globs
	kinds, excludeKinds                                globs
	clusterKinds, excludeClusterKinds                  globs
	closureKinds, closureExclude, closureNamespaces    globs
	selectors, objects                                 []string
	namespaceSelector, clusterScoped, closure, onEmpty string
}

// scopeNames are the flags that a document replaces.
var scopeNames = []string{"namespaces", "exclude-namespaces", "namespace-selector", "kinds", "exclude-kinds", "cluster-kinds", "exclude-cluster-kinds",
	"selector", "object", "cluster-scoped", "closure", "closure-kinds", "closure-exclude-kinds", "closure-namespaces", "on-empty"}

func (f *scopeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.VarP(&f.namespaces, "namespaces", "n", "namespaces, names or globs such as 'shop-*'; may be repeated")
	flags.Var(&f.excludeNamespaces, "exclude-namespaces", "namespaces to leave out")
	flags.StringVar(&f.namespaceSelector, "namespace-selector", "", "add the namespaces with these labels")
	flags.Var(&f.kinds, "kinds", "only these kinds, such as deployments,*.apps (default every kind)")
	flags.Var(&f.excludeKinds, "exclude-kinds", "kinds to leave out, also where they are needed")
	flags.Var(&f.clusterKinds, "cluster-kinds", "kinds without namespace to take whole, besides what is needed")
	flags.Var(&f.excludeClusterKinds, "exclude-cluster-kinds", "kinds without namespace to leave out")
	flags.StringArrayVarP(&f.selectors, "selector", "l", nil, "only objects with these labels, and what they need; repeated: or with these")
	flags.StringArrayVar(&f.objects, "object", nil, "one object and what it needs, as KIND/NAME or KIND/NAMESPACE/NAME, globs too; may be repeated")
	flags.StringVar(&f.clusterScoped, "cluster-scoped", "", "objects without namespace: Needed, All or None (default Needed)")
	flags.StringVar(&f.closure, "closure", "", "what the chosen objects need: Full or None (default Full with --selector or --object)")
	flags.Var(&f.closureKinds, "closure-kinds", "add only these kinds for the sake of others")
	flags.Var(&f.closureExclude, "closure-exclude-kinds", "do not add these kinds for the sake of others")
	flags.Var(&f.closureNamespaces, "closure-namespaces", "other namespaces that references may be followed into")
	flags.StringVar(&f.onEmpty, "on-empty", "", "when nothing is chosen: Fail or Complete (default Fail with --selector or --object)")
	for flag, choices := range map[string][]string{"cluster-scoped": {"Needed", "All", "None"}, "closure": {"Full", "None"}, "on-empty": {"Fail", "Complete"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
	}
}

// scope makes the Scope that the flags describe.
func (f *scopeFlags) scope() (s salvor.Scope, err error) {
	s = salvor.Scope{
		Namespaces: f.namespaces, ExcludeNamespaces: f.excludeNamespaces, Kinds: f.kinds, ExcludeKinds: f.excludeKinds,
		ClusterKinds: f.clusterKinds, ExcludeClusterKinds: f.excludeClusterKinds,
		ClusterScoped: salvor.ClusterScoped(f.clusterScoped), OnEmpty: salvor.OnEmpty(f.onEmpty),
	}
	if f.closure != "" || len(f.closureKinds)+len(f.closureExclude)+len(f.closureNamespaces) > 0 {
		s.Closure = &salvor.Closure{Mode: salvor.ClosureMode(f.closure), Kinds: f.closureKinds, ExcludeKinds: f.closureExclude, Namespaces: f.closureNamespaces}
	}
	if s.NamespaceSelector, err = parseSelector("--namespace-selector", f.namespaceSelector); err != nil {
		return s, err
	}
	if err := f.addSelectors(&s); err != nil {
		return s, err
	}
	for _, o := range f.objects {
		pattern, err := parseObject(o)
		if err != nil {
			return s, err
		}
		s.Objects = append(s.Objects, pattern)
	}
	if len(s.Namespaces)+len(s.Objects)+len(s.ClusterKinds) == 0 && s.NamespaceSelector == nil && s.ClusterScoped != salvor.ClusterScopedAll {
		return s, salvor.Errorf(salvor.Invalid, "back up what?").
			WithHint("pass --namespaces, such as --namespaces 'shop-*', or --namespaces '*' for all")
	}
	return s, nil
}

func (f *scopeFlags) addSelectors(s *salvor.Scope) error {
	for _, text := range f.selectors {
		selector, err := parseSelector("--selector", text)
		if err != nil {
			return err
		}
		switch {
		case selector == nil:
		case len(f.selectors) == 1:
			s.LabelSelector = selector
		default:
			s.OrLabelSelectors = append(s.OrLabelSelectors, *selector)
		}
	}
	return nil
}

// parseObject reads KIND/NAME or KIND/NAMESPACE/NAME.
func parseObject(text string) (salvor.ObjectPattern, error) {
	parts := strings.Split(text, "/")
	switch len(parts) {
	case 2:
		return salvor.ObjectPattern{Kind: parts[0], Name: parts[1]}, nil
	case 3:
		return salvor.ObjectPattern{Kind: parts[0], Namespace: parts[1], Name: parts[2]}, nil
	}
	return salvor.ObjectPattern{}, salvor.Errorf(salvor.Invalid, "--object: %q is neither KIND/NAME nor KIND/NAMESPACE/NAME", text)
}

// parseSelector reads a selector in kubectl's notation, nil for an empty one.
func parseSelector(flag, s string) (*metav1.LabelSelector, error) {
	if s == "" {
		return nil, nil
	}
	requirements, err := labels.ParseToRequirements(s)
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "%s: %w", flag, err)
	}
	list := &metav1.LabelSelector{}
	for _, r := range requirements {
		operator, ok := operators[r.Operator()]
		if !ok {
			return nil, salvor.Errorf(salvor.Invalid, "%s: operator %q can't be stored", flag, r.Operator()).WithHint("use =, !=, in, notin, KEY or !KEY")
		}
		list.MatchExpressions = append(list.MatchExpressions, metav1.LabelSelectorRequirement{Key: r.Key(), Operator: operator, Values: r.Values().List()})
	}
	return simple(list), nil
}

// operators are those of a LabelSelector by those that kubectl writes.
var operators = map[selection.Operator]metav1.LabelSelectorOperator{
	selection.Equals: metav1.LabelSelectorOpIn, selection.DoubleEquals: metav1.LabelSelectorOpIn, selection.In: metav1.LabelSelectorOpIn,
	selection.NotEquals: metav1.LabelSelectorOpNotIn, selection.NotIn: metav1.LabelSelectorOpNotIn,
	selection.Exists: metav1.LabelSelectorOpExists, selection.DoesNotExist: metav1.LabelSelectorOpDoesNotExist,
}

// simple writes a selector as people do: one value that a label has, as key and value.
func simple(s *metav1.LabelSelector) *metav1.LabelSelector {
	short := &metav1.LabelSelector{}
	for _, e := range s.MatchExpressions {
		_, taken := short.MatchLabels[e.Key]
		if e.Operator != metav1.LabelSelectorOpIn || len(e.Values) != 1 || taken {
			short.MatchExpressions = append(short.MatchExpressions, e)
			continue
		}
		if short.MatchLabels == nil {
			short.MatchLabels = map[string]string{}
		}
		short.MatchLabels[e.Key] = e.Values[0]
	}
	return short
}
