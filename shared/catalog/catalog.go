// Package catalog records Salvor's objects and finds backups by date. The interface is here; dynamo/ and
// sqlite/ implement it, and catalogtest/ holds the suite that both must pass.
//
// A record is one object. A backup's own record is the truth about it; whatever an implementation keeps
// beside it for searching may lag behind but never makes a search return a backup as it is not.
package catalog

import (
	"context"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Catalog keeps objects. Every method is safe for concurrent use, by other processes too, and every write is
// conditional on one record alone. Errors carry a salvor.Code: NotFound, Exists and Conflict as the methods say, Invalid
// for what can't be kept or understood, Corrupt for a record that can't be read, otherwise Unavailable, Forbidden,
// Unauthorized, Canceled, DeadlineExceeded or Internal. A write that was refused changes neither the catalog nor the
// caller's object. After Unavailable, Canceled or DeadlineExceeded the write may have been made all the same.
type Catalog interface {
	Objects
	Backups
	// Close releases what the catalog holds open.
	Close() error
}

// Objects keeps every kind but Backup.
type Objects interface {
	// Create stores a new object and sets its ResourceVersion. Exists: one of that kind and name is there; nothing changed.
	Create(ctx context.Context, o salvor.Object) error
	// Update replaces the object if the stored ResourceVersion is the one o carries, and sets the new one. Conflict otherwise.
	Update(ctx context.Context, o salvor.Object) error
	// Get returns the object. NotFound.
	Get(ctx context.Context, kind, name string) (salvor.Object, error)
	// List returns up to limit objects of the kind by ascending name, after the cursor, and the cursor of the next page, ""
	// at the end. The limit is as in Query. Invalid: the cursor is not one of this kind's.
	List(ctx context.Context, kind, cursor string, limit int) (items []salvor.Object, next string, err error)
	// Delete removes the object. NotFound. With a resourceVersion other than "", Conflict when the stored one differs.
	Delete(ctx context.Context, kind, name, resourceVersion string) error
}

// Backups keeps backups, found by identity and by date.
type Backups interface {
	// CreateBackup stores a new backup under (Status.ClusterID, Name) and sets its ResourceVersion. It needs a date:
	// CreationTimestamp, kept in whole seconds, and once it is cut CutAt, in microseconds.
	// Exists: one of that identity is there; nothing changed.
	CreateBackup(ctx context.Context, b *salvor.Backup) error
	// UpdateBackup replaces the backup if the stored ResourceVersion is the one b carries, and sets the new one. Conflict otherwise.
	UpdateBackup(ctx context.Context, b *salvor.Backup) error
	// GetBackup returns the backup. NotFound.
	GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error)
	// DeleteBackup removes the backup and what finds it. NotFound. Conflict as in Delete.
	DeleteBackup(ctx context.Context, id salvor.BackupID, resourceVersion string) error
	// Search returns the backups that match, newest date first (ties by cluster id and name, ascending). It returns
	// fewer than q.Limit only at the end. A backup that is cut while the search runs may be missed by it, for its date
	// changes. Invalid: the cursor is not one of this query's.
	Search(ctx context.Context, q Query) (Page, error)
	// Count counts the backups that match, whatever its From, To, Limit, Cursor and OldestFirst say, between each bound and
	// the next: one Tally less than there are bounds, which ascend. Invalid: there are fewer than two or more than MaxBounds.
	Count(ctx context.Context, q Query, bounds []time.Time) ([]Tally, error)
	// NewestGood returns the newest Completed backup of the cluster that contains the namespace with a date at or before at. NotFound.
	NewestGood(ctx context.Context, clusterID, namespace string, at time.Time) (*salvor.Backup, error)
}

// Query narrows a search; what is empty does not narrow. All conditions must hold.
type Query struct {
	// From and To bound the date: From <= date < To.
	From, To time.Time
	// ClusterID is a cluster's id.
	ClusterID string
	// Namespace is one that the backup contains.
	Namespace string
	// Schedule is the BackupSchedule the backup came from.
	Schedule string
	// Name is a glob over the backup's name.
	Name string
	// Labels is a label selector over the backup's labels, in kubectl's notation: app=shop,tier!=test.
	Labels string
	// App is one label or several, app=shop,tier=db, that an application was chosen by: one label selector of the backup's
	// scope requires them all.
	App string
	// Phases are the phases wanted.
	Phases []salvor.Phase
	// OldestFirst turns the order of the search around.
	OldestFirst bool
	// Limit is the most backups to return; 0 means 100, the maximum is 1000.
	Limit int
	// Cursor is Page.Next of the page before. It stays valid while backups come and go.
	Cursor string
}

// Page is one page of a search.
type Page struct {
	Backups []*salvor.Backup
	// Next is the cursor of the next page, "" at the end. Where conditions are left that no index answers, such as labels
	// and phases, the last page may turn out to be empty.
	Next string
}

// MutateBackup reads the backup, lets change modify it and writes it back, again from the start while somebody
// else changes it meanwhile. An error from change ends it and is returned as it is.
func MutateBackup(ctx context.Context, c Backups, id salvor.BackupID, change func(*salvor.Backup) error) (*salvor.Backup, error) {
	for {
		b, err := c.GetBackup(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := change(b); err != nil {
			return nil, err
		}
		err = c.UpdateBackup(ctx, b)
		if err == nil {
			return b, nil
		}
		if !salvor.Is(err, salvor.Conflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}
