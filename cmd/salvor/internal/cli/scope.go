package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) scope() *cobra.Command {
	var f scopeFlags
	var cluster string
	var files []string
	cmd := &cobra.Command{
		Use:   "scope",
		Short: "Show what a backup would take, object by object, and why",
		Long: `Show what a backup would take if it were made now: each object with the reason it is there, what is left out and why, and
the references that lead out of the scope or to nothing. It reads the cluster and changes nothing.

The flags are those of salvor backup create; with -f, the scope of a Backup in a file is shown.`,
		Example: "  salvor scope -n shop -l app=web\n" +
			"  salvor scope --object deployments/shop/web --closure-namespaces gateways\n" +
			"  salvor scope -f backup.yaml -o name",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "cluster to look at (default the only one)")
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	f.add(cmd)
	addFiles(cmd, &files)
	out := addOutput(cmd)
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		var scope salvor.Scope
		if len(files) > 0 {
			cluster, scope, err = f.scopeFile(cmd, a, files, cluster)
		} else {
			scope, err = f.scope()
		}
		if err != nil {
			return err
		}
		if cluster == "" {
			if cluster, err = only(cmd.Context(), h, salvor.KindCluster, "--cluster"); err != nil {
				return err
			}
		}
		report, err := h.Backups().Scope(cmd.Context(), cluster, scope)
		if err != nil {
			return err
		}
		return a.printScope(report, *out)
	})
	return cmd
}

// scopeFile reads cluster and scope of the one Backup in the files; --cluster goes before what stands there.
func (f *scopeFlags) scopeFile(cmd *cobra.Command, a *app, files []string, cluster string) (string, salvor.Scope, error) {
	for _, name := range scopeNames {
		if cmd.Flags().Changed(name) {
			return "", salvor.Scope{}, salvor.Errorf(salvor.Invalid, "--%s doesn't go with -f", name).WithHint("write it into the document")
		}
	}
	o, err := a.loadOne(files, salvor.KindBackup)
	if err != nil {
		return "", salvor.Scope{}, err
	}
	spec := o.(*salvor.Backup).Spec
	return cmp.Or(cluster, spec.Cluster), spec.Scope, nil
}

func (a *app) printScope(r *backup.ScopeReport, out output) error {
	switch out {
	case outJSON, outYAML:
		return a.value(out, r)
	case outName:
		for _, o := range r.Objects {
			if _, err := fmt.Fprintln(a.sys.Stdout, objectName(o.Kind, o.Namespace, o.Name)); err != nil {
				return err
			}
		}
		return nil
	}
	return a.scopeTables(r)
}

// objectName names an object as --object takes it.
func objectName(kind, namespace, name string) string {
	if namespace == "" {
		return kind + "/" + name
	}
	return kind + "/" + namespace + "/" + name
}

// scopeTables prints what is taken, then what is not.
func (a *app) scopeTables(r *backup.ScopeReport) error {
	taken := table{head: []string{"NAMESPACE", "KIND", "NAME", "REASON"}}
	for _, o := range r.Objects {
		taken.rows = append(taken.rows, plain(dash(o.Namespace), o.Kind, o.Name, o.Reason))
	}
	left := table{head: []string{"LEFT OUT", "KIND", "NAME", "WHY", "WANTED AS"}}
	for _, o := range r.Left {
		left.rows = append(left.rows, plain(dash(o.Namespace), o.Kind, o.Name, o.Reason, o.Wanted))
	}
	if len(r.Left) == 0 {
		left = table{head: []string{"LEFT OUT", "OBJECTS", "WHY"}}
		for _, e := range r.Excluded {
			left.rows = append(left.rows, plain(e.Kind, fmt.Sprint(e.Objects), e.Reason))
		}
	}
	return a.tables(taken, left, referenceTable("NOT FOLLOWED", r.NotFollowed), referenceTable("MISSING", r.Missing), scopeNotes(r))
}

func referenceTable(title string, refs []backup.Reference) table {
	t := table{head: []string{title, "AS", "OF", "WHY"}}
	for _, r := range refs {
		t.rows = append(t.rows, plain(r.To, r.As, r.From, r.Reason))
	}
	return t
}

// scopeNotes are failures and warnings.
func scopeNotes(r *backup.ScopeReport) table {
	t := table{head: []string{"NOTES"}}
	for _, line := range failureLines(r.Failures) {
		t.rows = append(t.rows, []cell{{line, red}})
	}
	for _, line := range r.Warnings {
		t.rows = append(t.rows, []cell{{line, yellow}})
	}
	return t
}

// tables prints those that have rows, with a line between them, and how many objects the first has.
func (a *app) tables(tables ...table) error {
	for i, t := range tables {
		if len(t.rows) == 0 && i > 0 {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.sys.Stdout)
		}
		t.colours = a.sys.colours(a.sys.Stdout)
		if err := t.write(a.sys.Stdout); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.sys.Stdout, "\n%s\n", count(len(tables[0].rows), "object"))
	return err
}
