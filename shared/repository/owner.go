package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Owner is the catalog that writes to a repository; for every other it is read-only.
type Owner struct {
	FormatVersion int `json:"formatVersion"`
	// Catalog is the catalog's own id: random on one machine, the table's ARN on AWS.
	Catalog string `json:"catalog"`
	Cluster string `json:"cluster"`
}

// Claim makes the catalog the owner of the repository if nobody is. Conflict: another catalog is.
func (r *Repository) Claim(ctx context.Context, catalog string) error {
	mine := Owner{FormatVersion: archive.FormatVersion, Catalog: catalog, Cluster: r.keys.ClusterID}
	data, err := json.Marshal(mine)
	if err != nil {
		return fmt.Errorf("encoding owner: %w", err)
	}
	_, err = r.loc.Put(ctx, r.keys.Owner(), location.Bytes(append(data, '\n')))
	if err == nil {
		return nil
	}
	if !errors.Is(err, location.ErrExists) {
		return fmt.Errorf("claiming %s: %w", r, err)
	}
	there, err := r.Owner(ctx)
	if err != nil {
		return err
	}
	if there.Catalog != catalog {
		return salvor.Errorf(salvor.Conflict, "%s belongs to the catalog %q and is read-only for this one (%q)", r, there.Catalog, catalog).
			WithHint("use another prefix, or another spec.id for the cluster")
	}
	return nil
}

// Owner returns who owns the repository. NotFound (location.ErrNotFound): nobody yet.
func (r *Repository) Owner(ctx context.Context) (Owner, error) {
	data, err := r.read(ctx, r.keys.Owner())
	if err != nil {
		return Owner{}, fmt.Errorf("reading owner of %s: %w", r, err)
	}
	var o Owner
	if err := json.Unmarshal(data, &o); err != nil {
		return Owner{}, salvor.Errorf(salvor.Corrupt, "decoding owner of %s: %w", r, err)
	}
	return o, nil
}

// CheckOwner makes sure that the repository is the catalog's own. Conflict: another catalog owns it; NotFound
// (location.ErrNotFound): nobody does.
func (r *Repository) CheckOwner(ctx context.Context, catalog string) error {
	owner, err := r.Owner(ctx)
	if err == nil && owner.Catalog != catalog {
		err = salvor.Errorf(salvor.Conflict, "%s belongs to the catalog %q and is read-only for this one (%q)", r, owner.Catalog, catalog)
	}
	return err
}
