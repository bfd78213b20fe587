package dynamo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

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
	open := make(map[catalog.Position]hit) // handed out and not yet confirmed
	positions := func(yield func(catalog.Position, error) bool) {
		for h, err := range c.hits(ctx, f) {
			if err == nil && f.MatchID(h.ID()) {
				open[h.Position] = h
			}
			if !yield(h.Position, err) {
				return
			}
		}
	}
	page, err := f.Collect(ctx, positions, func(ctx context.Context, at []catalog.Position) ([]*salvor.Backup, error) {
		hits := make([]hit, len(at))
		for j, p := range at {
			hits[j] = open[p]
			delete(open, p)
		}
		return c.confirm(ctx, hits)
	})
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
	for h, err := range c.walk(ctx, goodPK(clusterID, namespace), from, catalog.MinMicro, 2) {
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
	return c.walk(ctx, pk, f.After, f.Oldest, size)
}

// walk hands out the index items of a partition that come after a place, down to the oldest date.
func (c *Catalog) walk(ctx context.Context, pk string, after catalog.Position, oldest int64, size int) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		in := c.walkInput(pk, after, oldest, size)
		if in == nil {
			return
		}
		for i, err := range c.query(ctx, in) {
			if err != nil {
				yield(hit{}, err)
				return
			}
			h, err := hitOf(i)
			if !yield(h, err) || err != nil {
				return
			}
		}
	}
}

// walkInput is the query of walk, nil when it could find nothing.
func (c *Catalog) walkInput(pk string, after catalog.Position, oldest int64, size int) *dynamodb.QueryInput {
	if after.Micro < oldest {
		return nil
	}
	return &dynamodb.QueryInput{
		TableName:              &c.table,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: item{
			":pk": text(pk),
			// A blank comes before every character of a name, '!' after the blank that follows a date.
			":first": text(place(after) + " "),
			":last":  text(fmt.Sprintf("%0*x!", dateDigits, catalog.MaxMicro-oldest)),
		},
		Limit: aws.Int32(int32(size)),
	}
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

// The number of days that are queried at once: the first time, when the first may well hold the whole page, and at most.
const (
	firstDays = 2
	mostDays  = 16
)

// overDays walks the partitions of the days one after the other, newest first, and queries more and more of them at once.
func (c *Catalog) overDays(ctx context.Context, f *catalog.Filter, size int) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		days, err := c.daysOf(ctx, f)
		if err != nil {
			yield(hit{}, err)
			return
		}
		for width := max(firstDays, min(len(days), fewDays)); len(days) > 0; width = min(2*width, mostDays) {
			n := min(width, len(days))
			pages, err := c.firstPages(ctx, f, days[:n], size)
			if err != nil {
				yield(hit{}, err)
				return
			}
			for _, p := range pages {
				if !c.rest(ctx, p, yield) {
					return
				}
			}
			days = days[n:]
		}
	}
}

// dayPage is the first page of a day and the query that it answers.
type dayPage struct {
	in  *dynamodb.QueryInput
	out *dynamodb.QueryOutput
}

func (c *Catalog) firstPages(ctx context.Context, f *catalog.Filter, days []string, size int) ([]dayPage, error) {
	pages := make([]dayPage, len(days))
	g, ctx := errgroup.WithContext(ctx)
	for j, day := range days {
		g.Go(func() (err error) {
			pages[j].in = c.walkInput(dayPK(day), f.After, f.Oldest, size)
			pages[j].out, err = c.api.Query(ctx, pages[j].in)
			return err
		})
	}
	return pages, g.Wait()
}

// rest hands out the first page and those that follow; false when no more are wanted.
func (c *Catalog) rest(ctx context.Context, p dayPage, yield func(hit, error) bool) bool {
	for _, i := range p.out.Items {
		if h, err := hitOf(i); !yield(h, err) || err != nil {
			return false
		}
	}
	if len(p.out.LastEvaluatedKey) == 0 {
		return true
	}
	p.in.ExclusiveStartKey = p.out.LastEvaluatedKey
	for i, err := range c.query(ctx, p.in) {
		if err != nil {
			yield(hit{}, err)
			return false
		}
		if h, err := hitOf(i); !yield(h, err) || err != nil {
			return false
		}
	}
	return true
}
