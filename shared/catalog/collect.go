package catalog

import (
	"context"
	"iter"

	"salvor.io/salvor/shared/salvor"
)

// readAtOnce is how many backups are read together while looking for those that match a condition that only they
// themselves answer. DynamoDB's BatchGetItem takes 100.
const readAtOnce = 100

// Collect fills a page. hits are the places an index names, in order, after f.After; a hit is only a hint. read
// returns the backup of each place, or nil where none of that identity and date is there any more.
func (f *Filter) Collect(ctx context.Context, hits iter.Seq2[Position, error],
	read func(context.Context, []Position) ([]*salvor.Backup, error)) (Page, error) {
	q := queue{filter: f}
	var stop func()
	q.next, stop = iter.Pull2(hits)
	defer stop()
	var page Page
	for {
		want := f.Query.Limit - len(page.Backups)
		if f.NeedsBackup() {
			want = max(want, readAtOnce)
		}
		batch, more, err := q.take(want)
		if err != nil {
			return Page{}, err
		}
		backups, err := read(ctx, batch)
		if err != nil {
			return Page{}, err
		}
		for i, b := range backups {
			if b == nil || !f.Match(b) {
				continue
			}
			page.Backups = append(page.Backups, b)
			if len(page.Backups) == f.Query.Limit {
				if more || i+1 < len(batch) {
					page.Next = f.cursorAfter(batch[i])
				}
				return page, nil
			}
		}
		if !more {
			return page, nil
		}
	}
}

// queue hands out hits that can match, and always knows whether there is one more.
type queue struct {
	filter *Filter
	next   func() (Position, error, bool)
	ahead  []Position // none or one
}

// take returns up to n hits, and whether more follow.
func (q *queue) take(n int) (batch []Position, more bool, err error) {
	batch, q.ahead = q.ahead, nil
	for len(batch) <= n {
		p, err, ok := q.next()
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return batch, false, nil
		}
		if q.filter.MatchID(p.ID()) {
			batch = append(batch, p)
		}
	}
	q.ahead = append(q.ahead, batch[n])
	return batch[:n], true, nil
}
