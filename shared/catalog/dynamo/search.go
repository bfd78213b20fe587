package dynamo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// hit is an index item: somebody once said that a backup is at this place.
type hit struct {
	catalog.Position
	key key
	gen string
	at  int64
	// copy is the index item when it holds a copy of the backup, which then is as the copy says.
	copy item
}

// Search returns a page of the backups that match.
func (c *Catalog) Search(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	f, err := catalog.NewFilter(q)
	if err != nil {
		return catalog.Page{}, err
	}
	page, err := catalog.Collect(ctx, f, c.hits(ctx, f), c.confirm)
	return page, wrap("searching backups", err)
}

// confirm returns the backups of the hits: nil where there is none, or one of another date. A hit with a copy of its
// backup is true; the others are looked up.
func (c *Catalog) confirm(ctx context.Context, hits []hit) ([]*salvor.Backup, error) {
	items, own := make([]item, len(hits)), make([]item, len(hits))
	var ask []key
	for j, h := range hits {
		if items[j] = h.copy; h.copy == nil {
			ask = append(ask, backupKey(h.ID()))
		}
	}
	if len(ask) > 0 {
		found, err := c.batchGet(ctx, ask)
		if err != nil {
			return nil, err
		}
		for j, h := range hits {
			if h.copy == nil {
				own[j] = found[backupKey(h.ID())]
				items[j] = own[j]
			}
		}
	}
	backups, err := decode(hits, items)
	if err != nil || len(ask) == 0 {
		return backups, err
	}
	var untrue []hit
	for j, h := range hits {
		if h.copy == nil && backups[j] == nil {
			untrue = append(untrue, h)
		}
	}
	c.sweep(ctx, untrue)
	c.mend(ctx, hits, own, backups)
	return backups, nil
}

// NewestGood returns the newest Completed backup of the namespace at or before a time: one query, unless something
// is being changed.
func (c *Catalog) NewestGood(ctx context.Context, clusterID, namespace string, at time.Time) (*salvor.Backup, error) {
	from := catalog.Position{Micro: min(max(at.UnixMicro(), catalog.MinMicro), catalog.MaxMicro)}
	for h, err := range c.walk(ctx, goodPK(clusterID, namespace), stretch{after: from, oldest: catalog.MinMicro}, 1) {
		if err != nil {
			return nil, wrap(fmt.Sprintf("searching the newest good backup of namespace %s of cluster %s", namespace, clusterID), err)
		}
		backups, err := c.confirm(ctx, []hit{h})
		if err != nil {
			return nil, wrap(fmt.Sprintf("reading backup %s", h.ID()), err)
		}
		if b := backups[0]; b != nil && b.Status.Phase.Good() && slices.Contains(b.Status.Namespaces, namespace) {
			return b, nil
		}
	}
	return nil, salvor.Errorf(salvor.NotFound, "cluster %s has no Completed backup of namespace %s at or before %s",
		clusterID, namespace, at.Format(time.RFC3339))
}

// pageOfMany is how many index items are asked for at once when it is not known how many of them will do.
const pageOfMany = 500

// hits walks the index items that the filter's matches are among.
func (c *Catalog) hits(ctx context.Context, f *catalog.Filter) iter.Seq2[hit, error] {
	size := f.Query.Limit + 1
	if f.Narrows() {
		size = max(size, pageOfMany)
	}
	var pk string
	switch q := f.Query; f.Index {
	case catalog.ByCluster:
		pk = partition("cluster", q.ClusterID)
	case catalog.ByNamespace:
		pk = partition("namespace", q.Namespace)
	case catalog.ByClusterNamespace:
		pk = heldPK(q.ClusterID, q.Namespace)
	case catalog.BySchedule:
		pk = partition("schedule", q.Schedule)
	case catalog.ByName:
		name, _ := f.ExactName()
		pk = partition("name", name)
	default:
		return c.overDays(ctx, f, size)
	}
	return c.walk(ctx, pk, stretchOf(f), size)
}

// stretch is the part of a partition that is walked: places after one, down to the oldest date or, if set, before another.
type stretch struct {
	after       catalog.Position
	oldest      int64
	before      *catalog.Position
	oldestFirst bool
}

func stretchOf(f *catalog.Filter) stretch {
	return stretch{f.After, f.Oldest, f.Before, f.Query.OldestFirst}
}

// last is the oldest date.
func (s stretch) last() int64 {
	if s.before != nil {
		return max(s.oldest, s.before.Micro)
	}
	return s.oldest
}

// walk hands out the index items of a stretch of a partition.
func (c *Catalog) walk(ctx context.Context, pk string, s stretch, size int) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		in := c.walkInput(pk, s, size)
		if in == nil {
			return
		}
		for i, err := range c.query(ctx, in) {
			if err != nil {
				yield(hit{}, err)
				return
			}
			if !s.yield(i, yield) {
				return
			}
		}
	}
}

// yield hands out the hit in an item, unless it is the place before which the stretch ends; false when no more is wanted.
func (s stretch) yield(i item, yield func(hit, error) bool) bool {
	h, err := hitOf(i)
	if err == nil && s.before != nil && h.Position == *s.before {
		return true
	}
	return yield(h, err) && err == nil
}

// walkInput is the query of walk, nil when it could find nothing.
func (c *Catalog) walkInput(pk string, s stretch, size int) *dynamodb.QueryInput {
	if s.after.Micro < s.last() {
		return nil
	}
	// A blank comes before every character of a name, '!' after the blank that follows a date.
	last := fmt.Sprintf("%0*x!", dateDigits, catalog.MaxMicro-s.oldest)
	if s.before != nil {
		last = min(last, place(*s.before))
		size++
	}
	first := place(s.after) + " "
	if first > last {
		return nil
	}
	in := &dynamodb.QueryInput{
		TableName:                 &c.table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: item{":pk": text(pk), ":first": text(first), ":last": text(last)},
		Limit:                     aws.Int32(int32(size)),
	}
	if s.oldestFirst {
		in.ScanIndexForward = aws.Bool(false)
	}
	return in
}

func hitOf(i item) (hit, error) {
	h := hit{key: key{textOf(i, attrPK), textOf(i, attrSK)}, gen: textOf(i, attrGen), at: numberOf(i, attrAt)}
	if i[attrBody] != nil {
		h.copy = i
	}
	var err error
	h.Position, err = parsePlace(h.key.sk)
	return h, err
}
