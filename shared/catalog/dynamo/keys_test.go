package dynamo_test

import (
	"cmp"
	"strings"
	"testing"
	"unicode/utf8"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
)

// FuzzPlace checks that places are ordered as positions are, and that each says its position.
func FuzzPlace(f *testing.F) {
	f.Add(int64(0), "prod", "nightly", int64(1), "prod", "nightly-1")
	f.Add(catalog.MinMicro, "a", "a b", catalog.MaxMicro, "a b", "a")
	f.Add(int64(5), "a", "a", int64(5), "a!", "a\x00")
	f.Add(int64(5), "a ", "b", int64(5), "a", " b")
	f.Fuzz(func(t *testing.T, m1 int64, c1, n1 string, m2 int64, c2, n2 string) {
		for _, s := range []string{c1, n1, c2, n2} {
			if s == "" || !utf8.ValidString(s) {
				t.Skip() // Refused before.
			}
		}
		if m1 < catalog.MinMicro || m1 > catalog.MaxMicro || m2 < catalog.MinMicro || m2 > catalog.MaxMicro {
			t.Skip()
		}
		p, q := catalog.Position{Micro: m1, ClusterID: c1, Name: n1}, catalog.Position{Micro: m2, ClusterID: c2, Name: n2}
		a, b := dynamo.Place(p), dynamo.Place(q)
		if cmp.Compare(a, b) != p.Compare(q) {
			t.Errorf("%+v is placed at %q, %+v at %q: not in their order", p, a, q, b)
		}
		if back, err := dynamo.ParsePlace(a); err != nil || back != p {
			t.Errorf("%+v is placed at %q and read as %+v, %v", p, a, back, err)
		}
		// How a walk goes on after p, and where it ends.
		if p.Compare(q) < 0 != (b > a+" ") {
			t.Errorf("%q, after %q, is not where a walk goes on", b, a)
		}
	})
}

func TestEscapeLeavesOrdinaryNamesAlone(t *testing.T) {
	for _, s := range []string{"prod", "a-b.c", "nightly-20261120t020000z", "日本", "a#b/c%20"} {
		if got := dynamo.Escape(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{" ", "a b", "!", "\x00\x1f"} {
		got := dynamo.Escape(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' }) {
			t.Errorf("%q became %q", s, got)
		}
		if back, ok := dynamo.Unescape(got); !ok || back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

func TestParsePlaceRefusesOthers(t *testing.T) {
	for _, s := range []string{"", "a", "x y z", "0 a", "0 a b c", "0 a! b", "0 a !z"} {
		if p, err := dynamo.ParsePlace(s); err == nil {
			t.Errorf("%q was read as %+v", s, p)
		}
	}
}
