package dynamo

import (
	"context"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// CreateBackup stores a new backup, after its index items.
func (c *Catalog) CreateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := catalog.CheckBackup(b); err != nil {
		return err
	}
	what := fmt.Sprintf("creating backup %s", b.ID())
	// A second delivery is the usual reason to be refused: it shall not leave index items behind.
	i, err := c.get(ctx, backupKey(b.ID()))
	if err != nil {
		return wrap(what, err)
	}
	if i != nil {
		return wrap(what, salvor.Errorf(salvor.Exists, "it exists"))
	}
	return wrap(what, c.store(ctx, b, indexKeys(b, b.Status.Phase.Good()), c.Token(), c.insert))
}

// UpdateBackup replaces a backup, after writing what of its index is new. What no longer holds of the index goes
// afterwards.
func (c *Catalog) UpdateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := catalog.CheckBackup(b); err != nil {
		return err
	}
	what := fmt.Sprintf("updating backup %s", b.ID())
	i, err := c.get(ctx, backupKey(b.ID()))
	if err != nil {
		return wrap(what, err)
	}
	was := textOf(i, attrV)
	if i == nil || was != b.ResourceVersion {
		return wrap(what, conflict())
	}
	old, err := backupOf(i, b.ID())
	if err != nil {
		return wrap(what, err)
	}
	gen := textOf(i, attrGen)
	add, moved := indexChange(old, b)
	if moved {
		gen = c.Token()
	}
	replace := func(ctx context.Context, k key, i item) error { return c.replace(ctx, k, i, was) }
	if err := c.store(ctx, b, add, gen, replace); err != nil {
		return wrap(what, err)
	}
	if moved {
		c.dropIndex(ctx, indexKeys(old, old.Status.Phase.Good()), textOf(i, attrGen))
	}
	return nil
}

// indexChange returns the index items to write before old becomes b. moved says that some of old's no longer hold:
// then all have to be written again under a new gen, so that the old ones can be told from them.
func indexChange(old, b *salvor.Backup) (add []key, moved bool) {
	had := make(map[key]bool)
	for _, k := range indexKeys(old, old.Status.Phase.Good()) {
		had[k] = true
	}
	keys := indexKeys(b, b.Status.Phase.Good())
	held := 0
	for _, k := range keys {
		if had[k] {
			held++
		} else {
			add = append(add, k)
		}
	}
	if held == len(had) {
		return add, false
	}
	// A backup that was good and is no more, for instance because it is being deleted, keeps the items of good ones:
	// they are seen to be untrue.
	for _, k := range keys {
		delete(had, k)
	}
	for _, k := range indexKeys(old, false) {
		if had[k] {
			return keys, true
		}
	}
	return add, false
}

// store puts the backup under its next version with put, after the index items of the keys, and only then lets the
// caller's backup carry the version.
func (c *Catalog) store(ctx context.Context, b *salvor.Backup, index []key, gen string, put func(context.Context, key, item) error) error {
	k, version := backupKey(b.ID()), c.Token()
	i, err := record(k, b, version)
	if err != nil {
		return err
	}
	i[attrGen] = text(gen)
	began := c.Now()
	if day := dayOf(catalog.PositionOf(b).Micro); slices.ContainsFunc(index, func(k key) bool { return k.pk == dayPK(day) }) {
		if err := c.noteDay(ctx, day); err != nil {
			return err
		}
	}
	if err := c.writeIndex(ctx, index, gen); err != nil {
		return err
	}
	// Without monotonic time, which stands still while a machine sleeps or a function is frozen.
	if took := c.Now().Round(0).Sub(began.Round(0)); took > patience {
		return salvor.Errorf(salvor.Unavailable, "its index took %s to write, at most %s are allowed", took, patience).WithHint("try again")
	}
	if err := put(ctx, k, i); err != nil {
		return err
	}
	b.ResourceVersion = version
	return nil
}

// GetBackup returns a backup.
func (c *Catalog) GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	notFound := salvor.Errorf(salvor.NotFound, "backup %s not found", id)
	if id.Name == "" {
		return nil, notFound // DynamoDB refuses an empty key.
	}
	i, err := c.get(ctx, backupKey(id))
	if err != nil {
		return nil, wrap(fmt.Sprintf("reading backup %s", id), err)
	}
	if i == nil {
		return nil, notFound
	}
	return backupOf(i, id)
}

// DeleteBackup removes a backup, then its index items.
func (c *Catalog) DeleteBackup(ctx context.Context, id salvor.BackupID, resourceVersion string) error {
	what := fmt.Sprintf("deleting backup %s", id)
	if id.Name == "" {
		return wrap(what, salvor.Errorf(salvor.NotFound, "not found"))
	}
	i, err := c.remove(ctx, backupKey(id), resourceVersion)
	if err != nil {
		return wrap(what, err)
	}
	b, err := backupOf(i, id)
	if err != nil {
		return nil // It is gone. Whoever finds an index item of it sees that it is untrue.
	}
	c.dropIndex(ctx, indexKeys(b, true), textOf(i, attrGen)) // It may have been good once.
	c.forgetDay(ctx, dayOf(catalog.PositionOf(b).Micro))
	return nil
}
