package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// pkTallies is the partition of the tallies: of each day that is over, how many backups it has.
const pkTallies = "tallies"

// tally is what one day has, by phase and by the quarter of an hour of that day, 0 to 95: in every zone that is in use,
// days begin with one.
type tally map[salvor.Phase]map[int]int

const quarter = 15 * time.Minute

// closed reports whether who writes a backup of the day has to say so: its tally may have been kept. A tally is kept once
// a day has been over for twice leftover, when nobody writes any more who began when it was not closed.
func (c *Catalog) closed(day string) bool { return c.sinceEnd(day) > leftover }

func (c *Catalog) sinceEnd(day string) time.Duration {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return c.Now().Sub(t.AddDate(0, 0, 1))
}

// untally forgets the tallies of those of the days that are closed. It is done before a backup of the day appears, changes
// its phase, or goes.
func (c *Catalog) untally(ctx context.Context, days ...string) error {
	for j, day := range days {
		if !c.closed(day) || j > 0 && day == days[0] {
			continue
		}
		i := key{pkTallies, day}.item()
		i[attrAt] = number(c.Now().Unix())
		if _, err := c.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: i}); err != nil {
			return fmt.Errorf("noting that the day %s changes: %w", day, err)
		}
	}
	return nil
}

// Count counts backups between bounds. Of all backups, days that are over were mostly counted before, so that it is one
// query; the others are counted now, several at once.
func (c *Catalog) Count(ctx context.Context, q catalog.Query, bounds []time.Time) ([]catalog.Tally, error) {
	counter, err := catalog.NewCounter(q, bounds)
	if err != nil {
		return nil, err
	}
	what := "counting backups"
	f := counter.Filter
	if !counter.Plain() || f.Index != catalog.ByDate || !quarters(bounds) || f.Oldest == catalog.MinMicro {
		return counter.Tallies, wrap(what, counter.BySearch(ctx, c))
	}
	newest, oldest := dayOf(f.After.Micro), dayOf(f.Oldest)
	kept, err := c.talliesOf(ctx, oldest, newest)
	if err != nil {
		return nil, wrap(what, err)
	}
	var open []string
	for day := range daysBetween(oldest, newest) {
		if kept[day] == nil || kept[day][attrBody] == nil {
			open = append(open, day)
		}
	}
	counted, err := c.countDays(ctx, f, open, kept)
	if err != nil {
		return nil, wrap(what, err)
	}
	for day, i := range kept {
		if counted[day] == nil && i[attrBody] != nil {
			if counted[day], err = tallyOf(i); err != nil {
				return nil, wrap(what, err)
			}
		}
	}
	for day, t := range counted {
		t.addTo(counter, day)
	}
	return counter.Tallies, nil
}

func quarters(bounds []time.Time) bool {
	for _, b := range bounds {
		if b.UnixNano()%int64(quarter) != 0 {
			return false
		}
	}
	return true
}

func daysBetween(oldest, newest string) func(func(string) bool) {
	return func(yield func(string) bool) {
		t, err := time.Parse(time.DateOnly, oldest)
		for day := oldest; err == nil && day <= newest; day = t.Format(time.DateOnly) {
			if !yield(day) {
				return
			}
			t = t.AddDate(0, 0, 1)
		}
	}
}

func (c *Catalog) talliesOf(ctx context.Context, oldest, newest string) (map[string]item, error) {
	kept := map[string]item{}
	for i, err := range c.query(ctx, &dynamodb.QueryInput{
		TableName: &c.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :oldest AND :newest"),
		ExpressionAttributeValues: item{":pk": text(pkTallies), ":oldest": text(oldest), ":newest": text(newest)},
	}) {
		if err != nil {
			return nil, err
		}
		kept[textOf(i, attrSK)] = i
	}
	return kept, nil
}

// countDays counts those of the days that may have backups, and keeps what it finds of days that are over.
func (c *Catalog) countDays(ctx context.Context, f *catalog.Filter, days []string, kept map[string]item) (map[string]tally, error) {
	found := map[string]tally{}
	if len(days) == 0 {
		return found, nil
	}
	noted, err := c.daysOf(ctx, f.After.Micro, f.Oldest)
	if err != nil {
		return nil, err
	}
	may := map[string]bool{}
	for _, day := range noted {
		may[day] = true
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, day := range days {
		if !may[day] {
			continue
		}
		g.Go(func() error {
			t, err := c.countDay(ctx, day)
			if err != nil {
				return err
			}
			c.keepTally(ctx, day, t, kept[day])
			mu.Lock()
			defer mu.Unlock()
			found[day] = t
			return nil
		})
	}
	return found, g.Wait()
}

// countDay counts the backups of a whole day.
func (c *Catalog) countDay(ctx context.Context, day string) (tally, error) {
	start, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "the day %q is none", day)
	}
	t := tally{}
	q := catalog.Query{From: start, To: start.AddDate(0, 0, 1), Limit: catalog.MaxLimit}
	for {
		page, err := c.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, b := range page.Backups {
			slot := int(time.UnixMicro(catalog.PositionOf(b).Micro).Sub(start) / quarter)
			if t[b.Status.Phase] == nil {
				t[b.Status.Phase] = map[int]int{}
			}
			t[b.Status.Phase][slot]++
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return t, nil
		}
	}
}

// keepTally keeps what a day has, as far as it can, unless a writer may still be about to change it. was is the tally's
// item, if there was one, before the day was counted.
func (c *Catalog) keepTally(ctx context.Context, day string, t tally, was item) {
	if c.ReadOnly || c.sinceEnd(day) < 2*leftover || was != nil && numberOf(was, attrAt) > c.Now().Add(-leftover).Unix() {
		return
	}
	body, err := json.Marshal(t)
	if err != nil {
		return
	}
	i := key{pkTallies, day}.item()
	i[attrAt], i[attrBody] = number(c.Now().Unix()), text(string(body))
	in := &dynamodb.PutItemInput{TableName: &c.table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if was != nil {
		in.ConditionExpression = aws.String("#at = :at")
		in.ExpressionAttributeNames, in.ExpressionAttributeValues = map[string]string{"#at": attrAt}, item{":at": was[attrAt]}
	}
	_, _ = c.api.PutItem(ctx, in)
}

func tallyOf(i item) (t tally, err error) {
	if err := json.Unmarshal([]byte(textOf(i, attrBody)), &t); err != nil || t == nil {
		return nil, salvor.Errorf(salvor.Corrupt, "the tally of the day %q can't be read", textOf(i, attrSK))
	}
	return t, nil
}

func (t tally) addTo(c *catalog.Counter, day string) {
	start, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return
	}
	for phase, slots := range t {
		for slot, n := range slots {
			c.Add(start.Add(time.Duration(slot)*quarter).UnixMicro(), phase, n)
		}
	}
}
