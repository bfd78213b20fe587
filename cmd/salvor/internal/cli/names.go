package cli

import (
	"context"
	"strings"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// openBackup opens the home and finds the backup in it.
func (a *app) openBackup(ctx context.Context, ref string) (*home.Home, *salvor.Backup, error) {
	h, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	b, err := findBackup(ctx, h, ref)
	return h, b, err
}

// findBackup returns the backup that a user means by name, if that is unique over clusters, or cluster/name, where the
// cluster is a Cluster's name or an id.
func findBackup(ctx context.Context, h *home.Home, ref string) (*salvor.Backup, error) {
	ref = strings.TrimPrefix(ref, "backup/") // as -o name prints it
	if ref == "" {                           // to a search, no name means any
		return nil, salvor.Errorf(salvor.Invalid, "the name of a backup is empty").WithHint("salvor backups lists them")
	}
	if cluster, name, ok := strings.Cut(ref, "/"); ok {
		id, err := clusterID(ctx, h, cluster)
		if err != nil {
			return nil, err
		}
		return h.Catalog.GetBackup(ctx, salvor.BackupID{ClusterID: id, Name: name})
	}
	page, err := h.Catalog.Search(ctx, catalog.Query{Name: literal(ref), Limit: 10})
	if err != nil {
		return nil, err
	}
	switch len(page.Backups) {
	case 0:
		return nil, salvor.Errorf(salvor.NotFound, "there is no backup %q", ref).WithHint("salvor backups lists them")
	case 1:
		return page.Backups[0], nil
	}
	var ids []string
	for _, b := range page.Backups {
		ids = append(ids, b.ID().String())
	}
	return nil, salvor.Errorf(salvor.Invalid, "there are several backups %q", ref).WithHint("choose of %s", strings.Join(ids, ", "))
}

// literal is the glob that matches only the name.
func literal(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`*?[]{},\!`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clusterID turns a Cluster's name into its id. What no Cluster is called is an id itself: backups outlive their Cluster.
func clusterID(ctx context.Context, h *home.Home, name string) (string, error) {
	o, err := h.Catalog.Get(ctx, salvor.KindCluster, name)
	if salvor.Is(err, salvor.NotFound) {
		return name, nil
	}
	if err != nil {
		return "", err
	}
	return o.(*salvor.Cluster).ID(), nil
}

// all lists every object of a kind other than Backup.
func all(ctx context.Context, h *home.Home, kind string) ([]salvor.Object, error) {
	var objects []salvor.Object
	for cursor := ""; ; {
		page, next, err := h.Catalog.List(ctx, kind, cursor, catalog.MaxLimit)
		if err != nil {
			return nil, err
		}
		objects = append(objects, page...)
		if cursor = next; next == "" {
			return objects, nil
		}
	}
}

// only returns the name of the one object of the kind, for a flag that was left out.
func only(ctx context.Context, h *home.Home, kind, flag string) (string, error) {
	objects, _, err := h.Catalog.List(ctx, kind, "", 2)
	if err != nil {
		return "", err
	}
	command := map[string]string{salvor.KindCluster: "salvor cluster add", salvor.KindBackupLocation: "salvor location add"}[kind]
	switch len(objects) {
	case 0:
		return "", salvor.Errorf(salvor.Invalid, "there is no %s yet", kind).WithHint("%s makes one", command)
	case 1:
		return objects[0].Meta().Name, nil
	}
	return "", salvor.Errorf(salvor.Invalid, "there are several %s", salvor.Plural(kind)).WithHint("choose one with %s", flag)
}
