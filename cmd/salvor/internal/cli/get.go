package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) get() *cobra.Command {
	var selector string
	cmd := &cobra.Command{
		Use:   "get KIND [NAME...]",
		Short: "Print objects: clusters, locations, rules, policies, schedules, backups, restores",
		Long: `Print objects: clusters, locations, rules, policies, schedules, backups, restores. KIND may also be thaws: the backups that
owe a thaw, since when, and what came of the attempts.`,
		Example:           "  salvor get rules\n  salvor get rule freeze -o yaml\n  salvor get backups -l app=shop\n  salvor get thaws",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeGet,
	}
	out := addOutput(cmd)
	cmd.Flags().StringVarP(&selector, "selector", "l", "", "label selector, such as app=shop,tier!=test")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		if args[0] == thawsWord && len(args) == 1 && selector == "" {
			return a.printThaws(cmd.Context(), *out)
		}
		kind, err := salvor.ParseKind(args[0])
		if err != nil {
			return err
		}
		h, err := a.home()
		if err != nil {
			return err
		}
		if len(args) > 1 {
			objects, err := named(cmd.Context(), h, kind, args[1:])
			if err != nil {
				return err
			}
			return a.print(*out, objects, len(objects) == 1)
		}
		objects, err := selected(cmd.Context(), h, kind, selector)
		if err != nil {
			return err
		}
		if len(objects) == 0 && (*out == outTable || *out == outWide) {
			fmt.Fprintf(a.sys.Stderr, "there are no %s\n", salvor.Plural(kind))
			return nil
		}
		return a.print(*out, objects, false)
	})
	return cmd
}

// completeGet completes what get knows beyond the kinds, too.
func (a *app) completeGet(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	words, directive := a.completeKindAndName(cmd, args, prefix)
	if len(args) == 0 {
		words = append(words, thawsWord)
	}
	return words, directive
}

// named returns the objects of those names.
func named(ctx context.Context, h *home.Home, kind string, names []string) ([]salvor.Object, error) {
	var objects []salvor.Object
	for _, name := range names {
		o, err := find(ctx, h, kind, name)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// find returns the object of that name.
func find(ctx context.Context, h *home.Home, kind, name string) (salvor.Object, error) {
	if kind == salvor.KindBackup {
		return findBackup(ctx, h, name)
	}
	return h.Catalog.Get(ctx, kind, name)
}

// selected returns all objects of a kind whose labels match.
func selected(ctx context.Context, h *home.Home, kind, selector string) ([]salvor.Object, error) {
	if kind == salvor.KindBackup {
		return allBackups(ctx, h, catalog.Query{Labels: selector, Limit: catalog.MaxLimit})
	}
	match, err := labels.Parse(selector)
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading the label selector %q: %w", selector, err)
	}
	objects, err := all(ctx, h, kind)
	if err != nil {
		return nil, err
	}
	chosen := objects[:0]
	for _, o := range objects {
		if match.Matches(labels.Set(o.Meta().Labels)) {
			chosen = append(chosen, o)
		}
	}
	return chosen, nil
}

// allBackups returns every backup that the query finds, newest first.
func allBackups(ctx context.Context, h *home.Home, q catalog.Query) ([]salvor.Object, error) {
	var objects []salvor.Object
	for {
		page, err := h.Catalog.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, b := range page.Backups {
			objects = append(objects, b)
		}
		if q.Cursor = page.Next; page.Next == "" {
			return objects, nil
		}
	}
}
