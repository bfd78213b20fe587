package locationtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"salvor.io/salvor/shared/location"
)

func testPutIfAbsent(t *testing.T, loc location.Location) {
	put(t, loc, "p/key", []byte("first"))
	before, err := loc.Stat(t.Context(), "p/key")
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []string{"second", "first", ""} {
		_, err := loc.Put(t.Context(), "p/key", location.Bytes([]byte(later)))
		wantError(t, "Put of "+later, err, location.ErrExists)
	}
	wantBytes(t, loc, "p/key", []byte("first"))
	after, err := loc.Stat(t.Context(), "p/key")
	if err != nil || after != before {
		t.Errorf("after refused puts Stat = %+v, %v, want it unchanged: %+v", after, err, before)
	}
}

func testPutRace(t *testing.T, loc location.Location) {
	for round := range 5 {
		race(t, loc, fmt.Sprintf("race/%d/key", round), func(i int) []byte { return Random(uint64(i), 100<<10) })
	}
}

func testPutRaceSameBytes(t *testing.T, loc location.Location) {
	for round := range 5 {
		race(t, loc, fmt.Sprintf("same/%d/key", round), func(int) []byte { return []byte("all alike") })
	}
}

// race puts 16 bodies under one key at once, and checks that one put succeeded,
// that the others were told, and that the blob is the winner's.
func race(t *testing.T, loc location.Location, key string, body func(i int) []byte) {
	t.Helper()
	const racers = 16
	errs := make([]error, racers)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			_, errs[i] = loc.Put(t.Context(), key, location.Bytes(body(i)))
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("%s: puts %d and %d both succeeded", key, winner, i)
		case err == nil:
			winner = i
		default:
			wantError(t, "a losing put", err, location.ErrExists)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: no put succeeded", key)
	}
	wantBytes(t, loc, key, body(winner))
}

func testPutCorrupt(t *testing.T, loc location.Location) {
	b := Random(6, 100<<10)
	sum := sha256.Sum256(b)
	b[50<<10] ^= 1
	_, err := loc.Put(t.Context(), "p/corrupt", location.Summed(readerAt(b), int64(len(b)), sum))
	wantError(t, "Put", err, location.ErrCorrupt)
	wantMissing(t, loc, "p/corrupt")

	b[50<<10] ^= 1
	short := location.Summed(readerAt(b[:60<<10]), int64(len(b)), sum)
	if _, err := loc.Put(t.Context(), "p/short", short); err == nil {
		t.Error("a body that ends too early was stored")
	}
	wantMissing(t, loc, "p/short")

	broken := errors.New("the spool broke")
	_, err = loc.Put(t.Context(), "p/broken", location.Summed(readerFunc(func([]byte, int64) (int, error) { return 0, broken }), 10, sum))
	wantError(t, "Put", err, broken)
	wantMissing(t, loc, "p/broken")
}

func testPutCanceled(t *testing.T, loc location.Location) {
	ctx, cancel := context.WithCancel(t.Context())
	b := Random(7, 8<<20)
	sum := sha256.Sum256(b)
	body := location.Summed(readerFunc(func(p []byte, off int64) (int, error) {
		if off > 1<<20 {
			cancel()
		}
		return readerAt(b).ReadAt(p, off)
	}), int64(len(b)), sum)
	_, err := loc.Put(ctx, "p/canceled", body)
	wantError(t, "Put canceled midway", err, context.Canceled)
	_, err = loc.Put(ctx, "p/canceled", location.Bytes(nil))
	wantError(t, "Put canceled before", err, context.Canceled)
	wantError(t, "Delete canceled before", loc.Delete(ctx, "p/canceled"), context.Canceled)
	_, err = loc.Stat(ctx, "p/canceled")
	wantError(t, "Stat canceled before", err, context.Canceled)
	wantMissing(t, loc, "p/canceled")
	put(t, loc, "p/canceled", []byte("then it can be put"))
}

func testGetCanceled(t *testing.T, loc location.Location) {
	put(t, loc, "g/key", Random(8, 20<<20))
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := loc.Get(ctx, "g/key")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, r)
	wantError(t, "reading on", err, context.Canceled)
	for _, err := range loc.List(ctx, "", "") {
		wantError(t, "List", err, context.Canceled)
	}
}

func testConcurrentReaders(t *testing.T, loc location.Location) {
	want := Random(9, 3<<20)
	put(t, loc, "c/key", want)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			got, _, err := tryGet(t.Context(), loc, "c/key")
			if err != nil || string(got) != string(want) {
				t.Errorf("Get gave %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

type readerAt []byte

func (b readerAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type readerFunc func(p []byte, off int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }
