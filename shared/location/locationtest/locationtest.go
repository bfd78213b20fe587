// Package locationtest is the suite that every location.Location passes.
package locationtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/location"
)

// Run runs the suite. open returns a location that is empty, or empty for all
// that this test can see of it, and in use by nobody else.
func Run(t *testing.T, open func(t *testing.T) location.Location) {
	tests := []struct {
		name string
		run  func(t *testing.T, loc location.Location)
	}{
		{"a blob is read back as it was put", testRoundTrip},
		{"what is not there is not found", testNotFound},
		{"the first bytes put under a key stay", testPutIfAbsent},
		{"one of 16 puts at once wins", testPutRace},
		{"one of 16 puts of the same bytes at once wins", testPutRaceSameBytes},
		{"a body that is not what its digest says is refused", testPutCorrupt},
		{"a canceled put stores nothing", testPutCanceled},
		{"a canceled read stops", testGetCanceled},
		{"a range is that part of the blob", testRange},
		{"many read at once", testConcurrentReaders},
		{"delete removes, and again does nothing", testDelete},
		{"keys that no location takes are refused", testBadKeys},
		{"a list is in order, from after on, below prefix", testList},
		{"a list has pages", testListPages},
		{"a list that is not read to its end stops", testListStop},
		{"directories are named once, without what is below", testDirs},
		{"a prefixed location sees its part only", testPrefixed},
		{"it says where it is", testString},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Random returns n bytes that differ with seed and don't compress.
func Random(seed uint64, n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	rng.Read(b)
	return b
}

func put(t *testing.T, loc location.Location, key string, b []byte) location.Info {
	t.Helper()
	info, err := loc.Put(t.Context(), key, location.Bytes(b))
	if err != nil {
		t.Fatalf("Put(%q) = %v", key, err)
	}
	return info
}

func get(t *testing.T, loc location.Location, key string) ([]byte, location.Info) {
	t.Helper()
	b, info, err := tryGet(t.Context(), loc, key)
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	return b, info
}

func tryGet(ctx context.Context, loc location.Location, key string) ([]byte, location.Info, error) {
	r, info, err := loc.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	b, err := io.ReadAll(r)
	return b, info, errors.Join(err, r.Close())
}

func wantBytes(t *testing.T, loc location.Location, key string, want []byte) {
	t.Helper()
	got, _ := get(t, loc, key)
	if !bytes.Equal(got, want) {
		t.Fatalf("Get(%q) gave %d bytes that are not the %d put", key, len(got), len(want))
	}
}

func wantError(t *testing.T, doing string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", doing, err, want)
	}
}

func wantMissing(t *testing.T, loc location.Location, key string) {
	t.Helper()
	_, _, err := tryGet(t.Context(), loc, key)
	wantError(t, "Get("+key+")", err, location.ErrNotFound)
	_, err = loc.Stat(t.Context(), key)
	wantError(t, "Stat("+key+")", err, location.ErrNotFound)
	_, err = loc.GetRange(t.Context(), key, 0, 1)
	wantError(t, "GetRange("+key+")", err, location.ErrNotFound)
	if got := list(t, loc, key, ""); len(got) != 0 {
		t.Fatalf("List(%q) has %v, want nothing", key, got)
	}
}

func list(t *testing.T, loc location.Location, prefix, after string) []string {
	t.Helper()
	var keys []string
	for info, err := range loc.List(t.Context(), prefix, after) {
		if err != nil {
			t.Fatalf("List(%q, %q) = %v", prefix, after, err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func testRoundTrip(t *testing.T, loc location.Location) {
	bodies := map[string][]byte{
		"empty":                            {},
		"one":                              {0},
		"c1/backups/b1/manifest.json":      []byte(`{"a":1}`),
		"c1/segments/x.ndjson.zst":         Random(1, 5<<10),
		"chunk/exactly":                    Random(2, 64<<10),
		"chunk/and-one":                    Random(3, 64<<10+1),
		"big/20MiB":                        Random(4, 20<<20),
		"schöne/daten/日本語/🗄️":              []byte("unicode"),
		"odd/ +&=?#%41~!*'();:@,$ []{}|\\": []byte("characters that mean something in a URL"),
		"arn:aws:eks:eu-west-1:1:cluster":  []byte("colons"),
	}
	before := time.Now().Add(-time.Minute)
	for key, want := range bodies {
		body := location.Bytes(want)
		stored := put(t, loc, key, want)
		if stored.Key != key || stored.Size != int64(len(want)) || stored.SHA256 != body.SHA256() {
			t.Errorf("Put(%q) = %+v, want size %d and SHA-256 %s", key, stored, len(want), body.SHA256())
		}
		wantBytes(t, loc, key, want)
		_, got := get(t, loc, key)
		at, err := loc.Stat(t.Context(), key)
		if err != nil {
			t.Fatalf("Stat(%q) = %v", key, err)
		}
		if diff := cmp.Diff(at, got); diff != "" {
			t.Errorf("Stat and Get of %q differ (-stat +get):\n%s", key, diff)
		}
		if at.Key != key || at.Size != int64(len(want)) || (at.SHA256 != "" && at.SHA256 != body.SHA256()) {
			t.Errorf("Stat(%q) = %+v, want size %d and SHA-256 %s or none", key, at, len(want), body.SHA256())
		}
		if at.ModTime.Before(before) || at.ModTime.After(time.Now().Add(time.Minute)) {
			t.Errorf("Stat(%q).ModTime = %v, want about now", key, at.ModTime)
		}
		listed := false
		for info, err := range loc.List(t.Context(), key, "") {
			if err != nil {
				t.Fatalf("List(%q) = %v", key, err)
			}
			listed = true
			if info.Key != key || info.Size != at.Size || !info.ModTime.Truncate(time.Second).Equal(at.ModTime.Truncate(time.Second)) {
				t.Errorf("List(%q) has %+v, Stat says %+v", key, info, at)
			}
		}
		if !listed {
			t.Errorf("List(%q) has nothing", key)
		}
	}
}

func testNotFound(t *testing.T, loc location.Location) {
	wantMissing(t, loc, "nothing")
	wantMissing(t, loc, "c1/backups/b1/manifest.json")
	put(t, loc, "c1/backups/b1/manifest.json", []byte("x"))
	_, _, err := tryGet(t.Context(), loc, "c1/backups/b1")
	wantError(t, "getting a directory", err, location.ErrNotFound)
	_, err = loc.Stat(t.Context(), "c1")
	wantError(t, "reading about a directory", err, location.ErrNotFound)
	_, _, err = tryGet(t.Context(), loc, "c1/backups/b1/manifest.json/x")
	wantError(t, "getting what would be below a blob", err, location.ErrNotFound)
}

func testRange(t *testing.T, loc location.Location) {
	whole := Random(5, 200<<10)
	put(t, loc, "r/whole", whole)
	put(t, loc, "r/empty", nil)
	for _, test := range []struct{ offset, length, end int64 }{
		{0, 1, 1},
		{0, 200 << 10, 200 << 10},
		{0, -1, 200 << 10},
		{64<<10 - 1, 2, 64<<10 + 1},
		{100, 150 << 10, 100 + 150<<10},
		{200<<10 - 1, 1, 200 << 10},
		{200<<10 - 1, 100, 200 << 10},
		{7, -1, 200 << 10},
	} {
		r, err := loc.GetRange(t.Context(), "r/whole", test.offset, test.length)
		if err != nil {
			t.Fatalf("GetRange(%d, %d) = %v", test.offset, test.length, err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatalf("reading range %d, %d: %v", test.offset, test.length, err)
		}
		if !bytes.Equal(got, whole[test.offset:test.end]) {
			t.Errorf("range %d, %d gave %d bytes that are not those", test.offset, test.length, len(got))
		}
	}
	for _, bad := range []struct {
		key            string
		offset, length int64
	}{{"r/whole", 200 << 10, 1}, {"r/whole", 1 << 40, -1}, {"r/whole", -1, 1}, {"r/whole", 0, 0}, {"r/empty", 0, 1}} {
		_, err := loc.GetRange(t.Context(), bad.key, bad.offset, bad.length)
		wantError(t, "GetRange outside", err, location.ErrRange)
	}
}

func testDelete(t *testing.T, loc location.Location) {
	put(t, loc, "d/a/1", []byte("1"))
	put(t, loc, "d/a/2", []byte("2"))
	for range 2 {
		if err := loc.Delete(t.Context(), "d/a/1"); err != nil {
			t.Fatalf("Delete = %v", err)
		}
		wantMissing(t, loc, "d/a/1")
	}
	wantBytes(t, loc, "d/a/2", []byte("2"))
	if err := loc.Delete(t.Context(), "never/there"); err != nil {
		t.Fatalf("Delete of what never was = %v", err)
	}
	put(t, loc, "d/a/1", []byte("again"))
	wantBytes(t, loc, "d/a/1", []byte("again"))
}

func testBadKeys(t *testing.T, loc location.Location) {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", ".hidden", "a/.b", "a\x00b", "a\nb", "a\xffb",
		string(bytes.Repeat([]byte("a"), 256)), string(bytes.Repeat([]byte("a/"), 512)) + "a"} {
		_, err := loc.Put(t.Context(), key, location.Bytes(nil))
		wantError(t, "Put", err, location.ErrKey)
		_, _, err = loc.Get(t.Context(), key)
		wantError(t, "Get", err, location.ErrKey)
		_, err = loc.GetRange(t.Context(), key, 0, 1)
		wantError(t, "GetRange", err, location.ErrKey)
		_, err = loc.Stat(t.Context(), key)
		wantError(t, "Stat", err, location.ErrKey)
		wantError(t, "Delete", loc.Delete(t.Context(), key), location.ErrKey)
	}
	for _, err := range loc.List(t.Context(), "../", "") {
		wantError(t, "List", err, location.ErrKey)
	}
	for _, err := range loc.Dirs(t.Context(), "a") {
		wantError(t, "Dirs", err, location.ErrKey)
	}
	put(t, loc, string(bytes.Repeat([]byte("k"), 255)), []byte("the longest name"))
}

func testString(t *testing.T, loc location.Location) {
	if loc.String() == "" {
		t.Error("String() is empty")
	}
}
