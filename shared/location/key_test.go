package location_test

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"salvor.io/salvor/shared/location"
)

func TestCheckKey(t *testing.T) {
	for _, test := range []struct {
		name, key, why string // why is empty for a key that is taken
	}{
		{"a path", "c1/backups/nightly-20261122t020000z/manifest.json", ""},
		{"unicode", "é/日本", ""},
		{"an ARN", "arn:aws:eks:eu-west-1:123456789012:cluster", ""},
		{"dots inside", "a..b/c.", ""},
		{"the longest part", strings.Repeat("a", 255), ""},
		{"nothing", "", "empty part"},
		{"absolute", "/a", "empty part"},
		{"a directory", "a/", "empty part"},
		{"a double slash", "a//b", "empty part"},
		{"the directory above", "a/../b", "begins with a dot"},
		{"the same directory", "./a", "begins with a dot"},
		{"a hidden file", "a/.salvor", "begins with a dot"},
		{"a NUL", "a\x00", "U+0000"},
		{"a newline", "a\n", "U+000A"},
		{"not UTF-8", "a\xff", "UTF-8"},
		{"a part too long", strings.Repeat("a", 256), "255"},
		{"a key too long", strings.Repeat("a/", 600) + "a", "1024"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := location.CheckKey(test.key)
			if test.why == "" {
				if err != nil {
					t.Errorf("CheckKey(%q) = %v", test.key, err)
				}
				return
			}
			if !errors.Is(err, location.ErrKey) || !strings.Contains(err.Error(), test.why) {
				t.Errorf("CheckKey(%q) = %v, want ErrKey that says %q", test.key, err, test.why)
			}
		})
	}
}

func TestCheckPrefix(t *testing.T) {
	for prefix, ok := range map[string]bool{"": true, "a": true, "a/": true, "a/b": true, "/": false, "a//": false, "..": false, "a/.": false, "a\n": false} {
		if err := location.CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("CheckPrefix(%q) = %v, want ok %v", prefix, err, ok)
		}
	}
	for prefix, ok := range map[string]bool{"": true, "a": false, "a/": true, "a/b": false, "/": false} {
		if err := location.CheckDir(prefix); (err == nil) != ok {
			t.Errorf("CheckDir(%q) = %v, want ok %v", prefix, err, ok)
		}
	}
}

// Every key that is taken names one file below the root, and every prefix of it
// that ends between characters is a prefix that is taken.
func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"a/b", "../a", "a/./b", "é", "a\x00b", "a//b", ".a", "a\\..\\b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if location.CheckKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || key == "." {
			t.Fatalf("%q is taken and is not a plain local path", key)
		}
		for i := range len(key) {
			if utf8.ValidString(key[:i]) && location.CheckPrefix(key[:i]) != nil {
				t.Fatalf("%q is taken, its prefix %q is not", key, key[:i])
			}
		}
	})
}
