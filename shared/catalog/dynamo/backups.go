package dynamo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	return wrap(what, c.store(ctx, b, indexOf(b), c.Token(), []string{dayOfBackup(b)}, c.insert))
}

// UpdateBackup replaces a backup, after writing what of its index is new or holds a copy of what it was. What no longer
// holds of the index goes afterwards.
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
	oldGen := textOf(i, attrGen)
	gen, drop := oldGen, indexOf(old)
	write, moved := indexChange(old, b)
	if isTrue(i, attrKept) { // No copy may outlive what it is a copy of.
		write, moved = union(indexOf(b), indexOf(old)), true
	}
	if moved {
		gen = c.Token()
	}
	if isTrue(i, attrKept) {
		drop, oldGen = without(drop, indexOf(b)), gen
	}
	replace := func(ctx context.Context, k key, i item) error { return c.replace(ctx, k, i, was) }
	var changed []string
	if now := dayOfBackup(b); old.Status.Phase != b.Status.Phase || dayOfBackup(old) != now || catalog.PositionOf(old) != catalog.PositionOf(b) {
		changed = []string{now, dayOfBackup(old)}
	}
	if err := c.store(ctx, b, write, gen, changed, replace); err != nil {
		return wrap(what, err)
	}
	if moved {
		c.dropIndex(ctx, drop, oldGen)
	}
	return nil
}

// indexOf returns the keys of the index items that a backup has.
func indexOf(b *salvor.Backup) []key { return indexKeys(b, b.Status.Phase.Good()) }

// indexChange returns the index items to write before old becomes b. moved says that some of old's no longer hold:
// then all have to be written again under a new gen, so that the old ones can be told from them.
func indexChange(old, b *salvor.Backup) (add []key, moved bool) {
	keys := indexOf(b)
	// A backup that was good and is no more, for instance because it is being deleted, keeps the items of good ones:
	// they are seen to be untrue.
	if len(without(indexKeys(old, false), keys)) > 0 {
		return keys, true
	}
	return without(keys, indexOf(old)), false
}

func union(a, b []key) []key { return append(slices.Clone(a), without(b, a)...) }

// without returns those of a that are not in b.
func without(a, b []key) (rest []key) {
	in := make(map[key]bool, len(b))
	for _, k := range b {
		in[k] = true
	}
	for _, k := range a {
		if !in[k] {
			rest = append(rest, k)
		}
	}
	return rest
}

// store puts the backup under its next version with put, after the index items of the keys, and only then lets the
// caller's backup carry the version. Of one that has ended, the index items get copies afterwards. Of the days that it
// changes no tally is left.
func (c *Catalog) store(ctx context.Context, b *salvor.Backup, index []key, gen string, days []string, put func(context.Context, key, item) error) error {
	k, version := backupKey(b.ID()), c.Token()
	i, err := record(k, b, version)
	if err != nil {
		return err
	}
	keep := keeps(b, i)
	i[attrGen] = text(gen)
	if keep {
		i[attrKept] = &types.AttributeValueMemberBOOL{Value: true}
	}
	began := c.Now()
	if err := c.untally(ctx, days...); err != nil {
		return err
	}
	if day := dayOfBackup(b); slices.ContainsFunc(index, func(k key) bool { return k.pk == dayPK(day) }) {
		if err := c.noteDay(ctx, day); err != nil {
			return err
		}
	}
	if err := c.writeIndex(ctx, index, gen); err != nil {
		return err
	}
	if err := c.inTime(began); err != nil {
		return err
	}
	if err := put(ctx, k, i); err != nil {
		return err
	}
	b.ResourceVersion = version
	if keep {
		c.settle(ctx, indexOf(b), i)
	}
	return nil
}

// inTime refuses a writer that took too long since it began to write the index.
func (c *Catalog) inTime(began time.Time) error {
	// Without monotonic time, which stands still while a machine sleeps or a function is frozen.
	if took := c.Now().Round(0).Sub(began.Round(0)); took > patience {
		return salvor.Errorf(salvor.Unavailable, "its index took %s to write, at most %s are allowed", took, patience).WithHint("try again")
	}
	return nil
}

func dayOfBackup(b *salvor.Backup) string { return dayOf(catalog.PositionOf(b).Micro) }

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
	for {
		err := c.deleteBackup(ctx, id, resourceVersion)
		if !salvor.Is(err, salvor.Conflict) || resourceVersion != "" || ctx.Err() != nil {
			return wrap(what, err)
		}
	}
}

func (c *Catalog) deleteBackup(ctx context.Context, id salvor.BackupID, version string) error {
	i, err := c.get(ctx, backupKey(id))
	if err != nil {
		return err
	}
	if i == nil {
		return salvor.Errorf(salvor.NotFound, "not found")
	}
	if v := textOf(i, attrV); version != "" && v != version {
		return conflict()
	}
	b, unreadable := backupOf(i, id)
	gen := textOf(i, attrGen)
	began := c.Now()
	if unreadable == nil {
		if err := c.untally(ctx, dayOfBackup(b)); err != nil {
			return err
		}
	}
	if isTrue(i, attrKept) && unreadable == nil { // No copy may outlive what it is a copy of.
		gen = c.Token()
		if err := c.writeIndex(ctx, indexOf(b), gen); err != nil {
			return err
		}
	}
	if err := c.inTime(began); err != nil {
		return err
	}
	if _, err := c.remove(ctx, backupKey(id), textOf(i, attrV)); err != nil {
		return err
	}
	if unreadable != nil {
		return nil // It is gone. Whoever finds an index item of it sees that it is untrue.
	}
	c.dropIndex(ctx, indexKeys(b, true), gen) // It may have been good once.
	c.forgetDay(ctx, dayOfBackup(b))
	return nil
}
