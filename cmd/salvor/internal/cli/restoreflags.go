package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

// restoreFlags are those of a RestoreSpec.
type restoreFlags struct {
	files                               []string
	name, cluster, target, asOf, zone   string
	namespaces, kinds, excludeKinds     globs
	mapping                             map[string]string
	selector, onConflict, clusterScoped string
	allowPartial                        bool
	volumes                             volumeFlags
}

func (f *restoreFlags) add(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.asOf, "as-of", "", "for each namespace, the newest good backup at or before this time")
	flags.StringVar(&f.zone, "zone", "", "IANA zone that --as-of is meant in (default the local one)")
	flags.StringVar(&f.cluster, "cluster", "", "cluster that was backed up (default the only one)")
	flags.StringVar(&f.target, "to-cluster", "", "cluster to restore into (default the one that was backed up)")
	flags.VarP(&f.namespaces, "namespaces", "n", "namespaces to bring back, names or globs; may be repeated")
	flags.StringToStringVar(&f.mapping, "map", nil, "rename a namespace, old=new; may be repeated")
	flags.Var(&f.kinds, "kinds", "only these kinds, such as deployments,*.apps")
	flags.Var(&f.excludeKinds, "exclude-kinds", "kinds to leave out")
	flags.StringVarP(&f.selector, "selector", "l", "", "only objects with these labels")
	flags.StringVar(&f.clusterScoped, "cluster-scoped", "", "objects without namespace: Needed, All or None (default Needed)")
	flags.StringVar(&f.onConflict, "on-conflict", "skip", "what happens to an object that exists and differs: skip, update, or fail (change nothing at all)")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "restore also from a PartiallyFailed backup")
	f.volumes.add(cmd)
	flags.StringVar(&f.name, "name", "", "name of the restore (default after the cluster and the time in UTC)")
	addFiles(cmd, &f.files)
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	a.completeFlag(cmd, "to-cluster", salvor.KindCluster)
	_ = cmd.RegisterFlagCompletionFunc("on-conflict", cobra.FixedCompletions([]string{"skip", "update", "fail"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("cluster-scoped", cobra.FixedCompletions([]string{"Needed", "All", "None"}, cobra.ShellCompDirectiveNoFileComp))
}

// restore makes the Restore that the flags describe; named says whether the user chose its name.
func (f *restoreFlags) restore(cmd *cobra.Command, a *app, h *home.Home, args []string) (r *salvor.Restore, named bool, err error) {
	if len(f.files) > 0 {
		if cmd.Flags().NFlag() > 1 && !onlyFlags(cmd, "filename", "dry-run", "yes", "output", "home", "log-level", "verbose") || len(args) > 0 {
			return nil, false, salvor.Errorf(salvor.Invalid, "-f doesn't go with a backup or flags of the spec").WithHint("write them into the document")
		}
		o, err := a.loadOne(f.files, salvor.KindRestore)
		if err != nil {
			return nil, false, err
		}
		r = o.(*salvor.Restore)
		r.Status, r.ResourceVersion = salvor.RestoreStatus{}, ""
		return r, true, nil
	}
	r = salvor.New(salvor.KindRestore).(*salvor.Restore)
	if r.Spec, err = f.spec(cmd.Context(), a, h, args); err != nil {
		return nil, false, err
	}
	r.Name = f.name
	if r.Name == "" {
		r.Name = r.Spec.SourceCluster + "-" + strings.ToLower(a.sys.Now().UTC().Format("20060102T150405Z"))
	}
	return r, f.name != "", nil
}

func (f *restoreFlags) spec(ctx context.Context, a *app, h *home.Home, args []string) (s salvor.RestoreSpec, err error) {
	s = salvor.RestoreSpec{Namespaces: f.namespaces, NamespaceMapping: f.mapping, Kinds: f.kinds, ExcludeKinds: f.excludeKinds,
		ClusterScoped: salvor.ClusterScoped(f.clusterScoped), AllowPartial: f.allowPartial}
	if s.Conflict, err = conflictPolicy(f.onConflict); err != nil {
		return s, err
	}
	if s.Volumes, err = f.volumes.spec(); err != nil {
		return s, err
	}
	if s.LabelSelector, err = parseSelector("--selector", f.selector); err != nil {
		return s, err
	}
	if err := f.source(ctx, a, h, args, &s); err != nil {
		return s, err
	}
	if s.TargetCluster = f.target; s.TargetCluster == "" {
		s.TargetCluster, err = clusterOf(ctx, h, s.SourceCluster)
	}
	return s, err
}

// source fills in which backups are meant.
func (f *restoreFlags) source(ctx context.Context, a *app, h *home.Home, args []string, s *salvor.RestoreSpec) error {
	switch {
	case len(args) > 0 && f.asOf != "":
		return salvor.Errorf(salvor.Invalid, "a BACKUP doesn't go with --as-of").WithHint("name one, or the other")
	case len(args) > 0:
		ref := args[0]
		if f.cluster != "" && !strings.Contains(ref, "/") {
			ref = f.cluster + "/" + ref
		}
		b, err := findBackup(ctx, h, ref)
		if err != nil {
			return err
		}
		s.SourceCluster, s.Backup = b.Status.ClusterID, b.Name
		return nil
	case f.asOf == "":
		return salvor.Errorf(salvor.Invalid, "restore what?").WithHint("name a backup (salvor backups lists them), or a time with --as-of and --namespaces")
	case len(f.namespaces) == 0:
		return salvor.Errorf(salvor.Invalid, "--as-of needs --namespaces").WithHint("such as --namespaces 'shop-*', or --namespaces '*' for all")
	}
	zone, err := a.zone(f.zone)
	if err != nil {
		return err
	}
	at, err := parseLast("--as-of", f.asOf, a.sys.Now(), zone)
	if err != nil {
		return err
	}
	s.AsOf = metav1.NewTime(at)
	cluster := f.cluster
	if cluster == "" {
		if cluster, err = only(ctx, h, salvor.KindCluster, "--cluster"); err != nil {
			return err
		}
	}
	s.SourceCluster, err = clusterID(ctx, h, cluster)
	return err
}

// clusterOf finds the Cluster with the id, to restore into by default.
func clusterOf(ctx context.Context, h *home.Home, id string) (string, error) {
	clusters, err := all(ctx, h, salvor.KindCluster)
	if err != nil {
		return "", err
	}
	for _, c := range clusters {
		if c.(*salvor.Cluster).ID() == id {
			return c.Meta().Name, nil
		}
	}
	return "", salvor.Errorf(salvor.NotFound, "no Cluster has the id %q any more", id).WithHint("choose where to restore with --to-cluster")
}

func conflictPolicy(s string) (salvor.ConflictPolicy, error) {
	for _, p := range []salvor.ConflictPolicy{salvor.ConflictSkip, salvor.ConflictUpdate, salvor.ConflictFail} {
		if strings.EqualFold(s, string(p)) {
			return p, nil
		}
	}
	return "", salvor.Errorf(salvor.Invalid, "--on-conflict: %q is not one of skip, update and fail", s)
}

// zone is the zone of the name, the user's own without a name.
func (a *app) zone(name string) (*time.Location, error) {
	if name == "" {
		return a.sys.Zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "--zone: there is no zone %q", name).WithHint("write an IANA name such as Europe/Berlin")
	}
	return zone, nil
}

// onlyFlags reports whether no other flags than these are set.
func onlyFlags(cmd *cobra.Command, names ...string) bool {
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	only := true
	cmd.Flags().Visit(func(f *pflag.Flag) { only = only && known[f.Name] })
	return only
}
