package location

import (
	"context"
	"io"
	"iter"
	"sync"
)

// pageSize is how many entries S3 puts in one page of a list.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const pageSize = 1000

// Counts is how often a location was asked for what. Calls that failed count
// too; what a client retries by itself doesn't.
type Counts struct {
	Puts, Gets, Ranges, Stats, Deletes int64
	// ListPages counts List and Dirs by the page of 1000, as S3 answers and
	// charges; a list of nothing is one page.
	ListPages int64
	// BytesPut are those of the puts that succeeded; BytesGot those read.
	BytesPut, BytesGot int64
}

// Requests returns the number of requests of all kinds.
func (c Counts) Requests() int64 {
	return c.Puts + c.Gets + c.Ranges + c.Stats + c.Deletes + c.ListPages
}

// Sub returns what was added since earlier.
func (c Counts) Sub(earlier Counts) Counts {
	return Counts{
		Puts: c.Puts - earlier.Puts, Gets: c.Gets - earlier.Gets, Ranges: c.Ranges - earlier.Ranges,
		Stats: c.Stats - earlier.Stats, Deletes: c.Deletes - earlier.Deletes, ListPages: c.ListPages - earlier.ListPages,
		BytesPut: c.BytesPut - earlier.BytesPut, BytesGot: c.BytesGot - earlier.BytesGot,
	}
}

// Counter is a location that counts what it is asked for.
type Counter struct {
	loc Location

	mu     sync.Mutex
	counts Counts
}

var _ Location = (*Counter)(nil)

// Count returns a Counter before loc.
func Count(loc Location) *Counter { return &Counter{loc: loc} }

// Counts returns what was counted so far.
func (c *Counter) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

func (c *Counter) add(f func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.counts)
}

// Put counts a put, and its bytes if it succeeds.
func (c *Counter) Put(ctx context.Context, key string, body Body) (Info, error) {
	info, err := c.loc.Put(ctx, key, body)
	c.add(func(n *Counts) {
		n.Puts++
		if err == nil {
			n.BytesPut += body.Size()
		}
	})
	return info, err
}

// Get counts a get, and the bytes as they are read.
func (c *Counter) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	c.add(func(n *Counts) { n.Gets++ })
	r, info, err := c.loc.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	return &countingReader{ReadCloser: r, c: c}, info, nil
}

// GetRange counts a range, and the bytes as they are read.
func (c *Counter) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.add(func(n *Counts) { n.Ranges++ })
	r, err := c.loc.GetRange(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	return &countingReader{ReadCloser: r, c: c}, nil
}

// Stat counts a stat.
func (c *Counter) Stat(ctx context.Context, key string) (Info, error) {
	c.add(func(n *Counts) { n.Stats++ })
	return c.loc.Stat(ctx, key)
}

// Delete counts a delete.
func (c *Counter) Delete(ctx context.Context, key string) error {
	c.add(func(n *Counts) { n.Deletes++ })
	return c.loc.Delete(ctx, key)
}

// Locks is that of the location.
func (c *Counter) Locks() bool { return Locks(c.loc) }

// Extend counts a stat.
func (c *Counter) Extend(ctx context.Context, key string) (Info, error) {
	c.add(func(n *Counts) { n.Stats++ })
	return Extend(ctx, c.loc, key)
}

// Hide counts a delete.
func (c *Counter) Hide(ctx context.Context, key string) error {
	c.add(func(n *Counts) { n.Deletes++ })
	return Hide(ctx, c.loc, key)
}

// GetVersion counts a get, and the bytes as they are read.
func (c *Counter) GetVersion(ctx context.Context, key, version string) (io.ReadCloser, Info, error) {
	c.add(func(n *Counts) { n.Gets++ })
	r, info, err := GetVersion(ctx, c.loc, key, version)
	if err != nil {
		return nil, info, err
	}
	return &countingReader{ReadCloser: r, c: c}, info, nil
}

// List counts the pages that are read.
func (c *Counter) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return countPages(c, c.loc.List(ctx, prefix, after))
}

// Dirs counts the pages that are read.
func (c *Counter) Dirs(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return countPages(c, c.loc.Dirs(ctx, prefix))
}

// String is that of the location counted.
func (c *Counter) String() string { return c.loc.String() }

// countPages counts one page when a list begins, and one more whenever the
// entries of the pages so far are used up and there is another.
func countPages[T any](c *Counter, list iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		page := func() { c.add(func(n *Counts) { n.ListPages++ }) }
		page()
		seen := 0
		for v, err := range list {
			if seen > 0 && seen%pageSize == 0 {
				page()
			}
			seen++
			if !yield(v, err) {
				return
			}
		}
	}
}

type countingReader struct {
	io.ReadCloser
	c *Counter
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.c.add(func(c *Counts) { c.BytesGot += int64(n) })
	return n, err
}
