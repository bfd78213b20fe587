package backup_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"salvor.io/salvor/shared/backup"
)

// What is put onto the shelf comes back as it was and in its order. What does not fit into memory goes to a file that has
// no name and that nobody can read.
func TestShelf(t *testing.T) {
	// Long enough not to be in what is enciphered by chance, as four bytes are once in some hundred runs.
	secret := []byte(`"secret":"hush hush"`)
	for _, c := range []struct {
		why     string
		objects int
		size    int
		filed   bool
	}{
		{"nothing", 0, 0, false},
		{"a few objects stay in memory", 100, 1000, false},
		{"many go to a file", 20_000, 1000, true},
		{"some larger than a box", 40, 700_000, true},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var objects [][]byte
		for n := range c.objects {
			o := fmt.Appendf(nil, `{"n":%d,"secret":"hush hush","data":"`, n)
			for len(o) < c.size {
				o = append(o, byte('a'+random.IntN(26)))
			}
			objects = append(objects, append(o, `"}`...))
		}
		dir := t.TempDir()
		takes := func(n int) bool { return n%7 == 3 || n > c.objects/2 && n < c.objects/2+300 }
		got, filed, file, err := backup.Shelve(dir, objects, takes)
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		at := 0
		for n, o := range objects {
			if !takes(n) {
				continue
			}
			if at >= len(got) || !bytes.Equal(got[at], o) {
				t.Fatalf("%s: object %d did not come back as the %dth", c.why, n, at)
			}
			at++
		}
		if at != len(got) {
			t.Errorf("%s: %d objects instead of %d", c.why, len(got), at)
		}
		if (filed > 0) != c.filed || bytes.Contains(file, secret) {
			t.Errorf("%s: %d bytes in the file, readable: %v", c.why, filed, bytes.Contains(file, secret))
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			t.Errorf("%s: left behind %v, %v", c.why, names, err)
		}
	}
}
