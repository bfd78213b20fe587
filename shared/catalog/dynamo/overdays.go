package dynamo

import (
	"context"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/catalog"
)

// The number of days that are queried at once: the first time, when the first may well hold the whole page, and at most.
const (
	firstDays = 2
	mostDays  = 16
)

// overDays walks the partitions of the days one after the other and queries more and more of them at once.
func (c *Catalog) overDays(ctx context.Context, f *catalog.Filter, size int) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		s := stretchOf(f)
		days, err := c.daysOf(ctx, s.after.Micro, s.last())
		if err != nil {
			yield(hit{}, err)
			return
		}
		if s.oldestFirst {
			slices.Reverse(days)
		}
		for width := max(firstDays, min(len(days), fewDays)); len(days) > 0; width = min(2*width, mostDays) {
			n := min(width, len(days))
			pages, err := c.firstPages(ctx, s, days[:n], size)
			if err != nil {
				yield(hit{}, err)
				return
			}
			for _, p := range pages {
				if !c.rest(ctx, s, p, yield) {
					return
				}
			}
			days = days[n:]
		}
	}
}

// dayPage is the first page of a day and the query that it answers; neither, where the query could find nothing.
type dayPage struct {
	in  *dynamodb.QueryInput
	out *dynamodb.QueryOutput
}

func (c *Catalog) firstPages(ctx context.Context, s stretch, days []string, size int) ([]dayPage, error) {
	pages := make([]dayPage, len(days))
	g, ctx := errgroup.WithContext(ctx)
	for j, day := range days {
		if pages[j].in = c.walkInput(dayPK(day), s, size); pages[j].in == nil {
			continue
		}
		g.Go(func() (err error) {
			pages[j].out, err = c.api.Query(ctx, pages[j].in)
			return err
		})
	}
	return pages, g.Wait()
}

// rest hands out the first page and those that follow; false when no more are wanted.
func (c *Catalog) rest(ctx context.Context, s stretch, p dayPage, yield func(hit, error) bool) bool {
	if p.in == nil {
		return true
	}
	for _, i := range p.out.Items {
		if !s.yield(i, yield) {
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
		if !s.yield(i, yield) {
			return false
		}
	}
	return true
}
