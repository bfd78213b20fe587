package backup

import (
	"context"
	"errors"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// own makes sure that the repository is this catalog's, and claims one that nobody has.
func (r *run) own(ctx context.Context) error {
	repo := r.site.Repository
	owner, err := repo.Owner(ctx)
	if err == nil && owner.Catalog == r.CatalogID {
		return nil
	}
	if errors.Is(err, location.ErrNotFound) {
		if err := r.checkMounted(ctx); err != nil {
			return err
		}
	}
	return repo.Claim(ctx, r.CatalogID)
}

// recentBackups is how many of the newest backups of the cluster are looked at for one that was stored at the location.
const recentBackups = 1000

// checkMounted fails if earlier backups were stored here and nothing of them is left: what is seen is most likely the empty
// directory that a disk is mounted on, and what is written to it is out of sight once the disk is back.
func (r *run) checkMounted(ctx context.Context) error {
	repo := r.site.Repository
	page, err := r.Catalog.Search(ctx, catalog.Query{ClusterID: repo.ClusterID(), Limit: recentBackups,
		Phases: []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed, salvor.PhaseSettling}})
	if err != nil {
		return err
	}
	for _, b := range page.Backups {
		if b.Spec.Location != r.spec.Location || b.Foreign() {
			continue
		}
		if _, _, err := repo.Manifest(ctx, b.Name); !errors.Is(err, location.ErrNotFound) {
			return nil // it is there, or its absence can't be told
		}
		return salvor.Errorf(salvor.NotFound, "location %q: %s is empty, but backup %s of %s was stored there", r.spec.Location, repo, b.ID(), b.Status.CutAt.UTC().Format(time.RFC3339)).
			WithHint("mount the disk that holds it; if it is lost, name the new place as a location of its own")
	}
	return nil
}
