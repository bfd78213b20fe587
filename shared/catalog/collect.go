package catalog

import (
	"context"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/salvor"
)

// readAtOnce is how many backups are read together while looking for those that match a condition that only they
// themselves answer. DynamoDB's BatchGetItem takes 100.
const readAtOnce = 100

// Hit is what an index says of one place: a hint that a backup is there, and whatever else an implementation has read.
type Hit interface{ Place() Position }

// Collect fills a page. hits are in order, after f.After. read returns the backup of each hit, or nil where none of that
// identity and date is there any more.
func Collect[H Hit](ctx context.Context, f *Filter, hits iter.Seq2[H, error],
	read func(context.Context, []H) ([]*salvor.Backup, error)) (Page, error) {
	q := queue[H]{filter: f}
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
					page.Next = f.cursorAfter(batch[i].Place())
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
type queue[H Hit] struct {
	filter *Filter
	next   func() (H, error, bool)
	ahead  []H // none or one
}

// take returns up to n hits, and whether more follow.
func (q *queue[H]) take(n int) (batch []H, more bool, err error) {
	batch, q.ahead = q.ahead, nil
	for len(batch) <= n {
		h, err, ok := q.next()
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return batch, false, nil
		}
		if q.filter.MatchID(h.Place().ID()) {
			batch = append(batch, h)
		}
	}
	q.ahead = append(q.ahead, batch[n])
	return batch[:n], true, nil
}

// ReadMany returns the backups 0 to n-1, as one reads them, on all processors: to decode a page takes longer than to find it.
func ReadMany(n int, one func(i int) (*salvor.Backup, error)) ([]*salvor.Backup, error) {
	backups := make([]*salvor.Backup, n)
	workers := min(runtime.GOMAXPROCS(0), n)
	var g errgroup.Group
	for w := range workers {
		g.Go(func() (err error) {
			for i := w * n / workers; i < (w+1)*n/workers && err == nil; i++ {
				backups[i], err = one(i)
			}
			return err
		})
	}
	return backups, g.Wait()
}
