package locationtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/location"
)

// tree holds keys in order. "-" and "!" sort before "/", so that no store gets
// them right by sorting directory by directory.
var tree = []string{
	"a!/x", "a-b/x", "a/b-c/1", "a/b/1", "a/b/10", "a/b/2", "a/b0", "a/é", "a0", "b", "c1/segments/00", "c1/segments/ff", "c10/owner.json", "日本/本",
}

func plant(t *testing.T, loc location.Location) {
	t.Helper()
	for i := range tree {
		put(t, loc, tree[(i*5)%len(tree)], []byte("x"))
	}
}

func testList(t *testing.T, loc location.Location) {
	if got := list(t, loc, "", ""); len(got) != 0 {
		t.Fatalf("an empty location lists %v", got)
	}
	plant(t, loc)
	for _, test := range []struct{ prefix, after string }{
		{"", ""}, {"a", ""}, {"a/", ""}, {"a/b", ""}, {"a/b/", ""}, {"a/b/1", ""}, {"a-", ""}, {"c1", ""}, {"c1/", ""}, {"x", ""}, {"日", ""}, {"b/", ""},
		{"", "a/b/1"}, {"", "a/b/11"}, {"", "a/b"}, {"", "a/b/"}, {"", "a"}, {"", "0"}, {"", "日本/本"}, {"", "日本/"},
		{"a/", "a/b/10"}, {"a/b/", "a/b"}, {"a/b/", "a/b/2"}, {"a/b/", "z"}, {"c1/", "a"},
	} {
		var want []string
		for _, key := range tree {
			if strings.HasPrefix(key, test.prefix) && key > test.after {
				want = append(want, key)
			}
		}
		if diff := cmp.Diff(want, list(t, loc, test.prefix, test.after)); diff != "" {
			t.Errorf("List(%q, %q) (-want +got):\n%s", test.prefix, test.after, diff)
		}
	}
}

func testListPages(t *testing.T, loc location.Location) {
	const blobs = 1203 // S3 puts 1000 on a page
	var want []string
	for i := range blobs {
		want = append(want, fmt.Sprintf("many/%d/%04d", i%7, i))
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < blobs; i += 8 {
				if _, err := loc.Put(t.Context(), want[i], location.Bytes([]byte(want[i]))); err != nil {
					t.Errorf("Put = %v", err)
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(want)
	for _, after := range []int{-1, 0, 199, 998, 999, 1000, 1100, blobs - 1} {
		name := ""
		if after >= 0 {
			name = want[after]
		}
		if diff := cmp.Diff(want[after+1:], list(t, loc, "many/", name), cmp.Transformer("empty", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
			t.Errorf("List after %q (-want +got):\n%s", name, diff)
		}
	}
	if got := dirs(t, loc, "many/"); len(got) != 7 {
		t.Errorf("Dirs = %v, want 7", got)
	}
}

func testListStop(t *testing.T, loc location.Location) {
	plant(t, loc)
	for n := 1; n <= len(tree); n++ {
		var got []string
		for info, err := range loc.List(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, info.Key); len(got) == n {
				break
			}
		}
		if diff := cmp.Diff(tree[:n], got); diff != "" {
			t.Errorf("the first %d (-want +got):\n%s", n, diff)
		}
	}
	for range loc.Dirs(t.Context(), "") {
		break
	}
}

func dirs(t *testing.T, loc location.Location, prefix string) []string {
	t.Helper()
	var names []string
	for name, err := range loc.Dirs(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("Dirs(%q) = %v", prefix, err)
		}
		names = append(names, name)
	}
	return names
}

func testDirs(t *testing.T, loc location.Location) {
	plant(t, loc)
	for prefix, want := range map[string][]string{
		"":             {"a!", "a-b", "a", "c1", "c10", "日本"},
		"a/":           {"b-c", "b"},
		"a/b/":         nil,
		"c1/":          {"segments"},
		"c1/segments/": nil,
		"no/such/":     nil,
		"b/":           nil,
	} {
		if diff := cmp.Diff(want, dirs(t, loc, prefix)); diff != "" {
			t.Errorf("Dirs(%q) (-want +got):\n%s", prefix, diff)
		}
	}
	for _, key := range []string{"a/b/1", "a/b/10", "a/b/2", "日本/本"} {
		if err := loc.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"b-c"}, dirs(t, loc, "a/")); diff != "" {
		t.Errorf("Dirs after a directory's last blob went (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a!", "a-b", "a", "c1", "c10"}, dirs(t, loc, "")); diff != "" {
		t.Errorf("Dirs after a directory's last blob went (-want +got):\n%s", diff)
	}
}

func testPrefixed(t *testing.T, loc location.Location) {
	part := location.Prefixed(loc, "a/b")
	plant(t, loc)
	if diff := cmp.Diff([]string{"1", "10", "2"}, list(t, part, "", "")); diff != "" {
		t.Errorf("List below the prefix (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2"}, list(t, part, "", "10")); diff != "" {
		t.Errorf("List after a key below the prefix (-want +got):\n%s", diff)
	}
	if info := put(t, part, "new/blob", []byte("y")); info.Key != "new/blob" {
		t.Errorf("Put below the prefix returned the key %q", info.Key)
	}
	wantBytes(t, loc, "a/b/new/blob", []byte("y"))
	if diff := cmp.Diff([]string{"new"}, dirs(t, part, "")); diff != "" {
		t.Errorf("Dirs below the prefix (-want +got):\n%s", diff)
	}
	_, _, err := part.Get(t.Context(), "../b0")
	wantError(t, "leaving the prefix", err, location.ErrKey)
}
