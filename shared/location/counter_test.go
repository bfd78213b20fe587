package location_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
)

func open(t *testing.T) location.Location {
	t.Helper()
	s, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDecoratorsConform(t *testing.T) {
	t.Run("counter", func(t *testing.T) {
		locationtest.Run(t, func(t *testing.T) location.Location { return location.Count(open(t)) })
	})
	t.Run("prefixed", func(t *testing.T) {
		locationtest.Run(t, func(t *testing.T) location.Location { return location.Prefixed(open(t), "/team/prod/") })
	})
}

func TestCounter(t *testing.T) {
	ctx := t.Context()
	c := location.Count(open(t))
	c.Put(ctx, "a/1", location.Bytes([]byte("12345")))
	c.Put(ctx, "a/1", location.Bytes([]byte("refused")))
	before := c.Counts()
	if diff := cmp.Diff(location.Counts{Puts: 2, BytesPut: 5}, before); diff != "" {
		t.Errorf("after two puts (-want +got):\n%s", diff)
	}
	r, _, err := c.Get(ctx, "a/1")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r)
	r.Close()
	c.Get(ctx, "missing")
	if r, err = c.GetRange(ctx, "a/1", 1, 2); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r)
	r.Close()
	c.Stat(ctx, "a/1")
	for range c.Dirs(ctx, "") {
	}
	for range c.List(ctx, "", "") {
	}
	c.Delete(ctx, "a/1")
	c.Delete(ctx, "a/1")
	want := location.Counts{Gets: 2, Ranges: 1, Stats: 1, ListPages: 2, Deletes: 2, BytesGot: 7}
	if diff := cmp.Diff(want, c.Counts().Sub(before)); diff != "" {
		t.Errorf("since then (-want +got):\n%s", diff)
	}
	if got := c.Counts().Requests(); got != 10 {
		t.Errorf("Requests() = %d, want 10", got)
	}
}

// long is a location with n blobs, for counting pages.
type long struct {
	location.Location
	n int
}

func (l long) List(context.Context, string, string) iter.Seq2[location.Info, error] {
	return func(yield func(location.Info, error) bool) {
		for i := range l.n {
			if !yield(location.Info{Key: fmt.Sprint(i)}, nil) {
				return
			}
		}
	}
}

func TestCounterPages(t *testing.T) {
	for _, test := range []struct{ blobs, read, pages int }{
		{0, 0, 1}, {1, 1, 1}, {999, 999, 1}, {1000, 1000, 1}, {1001, 1001, 2}, {3000, 3000, 3}, {3000, 10, 1}, {3000, 1000, 1}, {3000, 1001, 2},
	} {
		c := location.Count(long{n: test.blobs})
		read := 0
		for range c.List(t.Context(), "", "") {
			if read++; read == test.read {
				break
			}
		}
		if got := c.Counts().ListPages; got != int64(test.pages) {
			t.Errorf("reading %d of %d blobs counts %d pages, want %d", test.read, test.blobs, got, test.pages)
		}
	}
}

func TestPrefixedString(t *testing.T) {
	loc := open(t)
	if got, want := location.Prefixed(loc, "team/").String(), loc.String()+"/team"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if location.Prefixed(loc, "") != loc {
		t.Error("an empty prefix is not the location itself")
	}
	if _, err := location.Prefixed(loc, "a").Stat(t.Context(), "x"); !errors.Is(err, location.ErrNotFound) {
		t.Errorf("Stat = %v", err)
	}
}
