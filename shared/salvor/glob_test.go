package salvor_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"salvor.io/salvor/shared/salvor"
)

func TestGlobMatches(t *testing.T) {
	for _, c := range []struct {
		why, pattern string
		yes, no      []string
	}{
		{"a plain name matches itself alone", "shop", []string{"shop"}, []string{"", "shop-1", "my-shop", "SHOP"}},
		{"a star stands for anything, also nothing", "shop*", []string{"shop", "shop-1"}, []string{"my-shop"}},
		{"a star alone takes every name", "*", []string{"", "kube-system"}, nil},
		{"a star takes dots and slashes too", "*.apps", []string{"deployments.apps", "a.b/c.apps"}, []string{"apps"}},
		{"a question mark is exactly one character", "shop-?", []string{"shop-1", "shop-ä"}, []string{"shop-", "shop-10"}},
		{"a set is one of its characters", "shop-[ab]", []string{"shop-a", "shop-b"}, []string{"shop-c", "shop-ab"}},
		{"a set may have ranges", "shop-[0-35]", []string{"shop-0", "shop-2", "shop-5"}, []string{"shop-4", "shop--"}},
		{"an exclamation mark turns a set round", "[!a]b", []string{"xb"}, []string{"ab", "b"}},
		{"a circumflex does too", "[^a-c]b", []string{"xb"}, []string{"bb"}},
		{"a bracket first in a set is a member", "[]]x", []string{"]x"}, []string{"x"}},
		{"a hyphen last in a set is a member", "[a-]", []string{"a", "-"}, []string{"b"}},
		{"alternatives in braces", "{shop,bank}-prod", []string{"shop-prod", "bank-prod"}, []string{"shop,bank-prod", "prod"}},
		{"alternatives may be empty", "shop{,-old}", []string{"shop", "shop-old"}, []string{"shop-"}},
		{"alternatives may hold patterns and alternatives", "{a{b,c}*,d?}", []string{"ab", "acx", "de"}, []string{"a", "d"}},
		{"a comma outside of braces is a comma", "a,b", []string{"a,b"}, []string{"a"}},
		{"a dot is a dot, not any character", "a.b", []string{"a.b"}, []string{"axb"}},
		{"a backslash takes a star as it is", `a\*`, []string{"a*"}, []string{"ab", `a\*`}},
		{"a newline is a character like others", "a*b", []string{"a\nb"}, []string{"a\n"}},
	} {
		g, err := salvor.CompileGlob(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		for _, name := range c.yes {
			if !g.Match(name) {
				t.Errorf("%s: %q does not match %q", c.why, c.pattern, name)
			}
		}
		for _, name := range c.no {
			if g.Match(name) {
				t.Errorf("%s: %q matches %q", c.why, c.pattern, name)
			}
		}
	}
}

func TestGlobRefuses(t *testing.T) {
	for pattern, why := range map[string]string{
		"shop-[ab":                 "a [ has no ]",
		"[]":                       "a [ has no ]",
		"{a,b":                     "a { has no }",
		"a}":                       "a } has no {",
		`a\`:                       "a backslash has nothing after it",
		"[z-a]":                    "runs backwards",
		strings.Repeat("a", 1025):  "at most 1024 bytes",
		strings.Repeat("{a,", 300): "a { has no }",
	} {
		if _, err := salvor.CompileGlob(pattern); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("CompileGlob(%.40q) = %v, want an error with %q", pattern, err, why)
		}
	}
}

func TestGlobKnowsItsOnlyName(t *testing.T) {
	for pattern, want := range map[string]string{"shop": "shop", `a\*b`: "a*b", "a,b": "a,b"} {
		g, err := salvor.CompileGlob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := g.Literal(); !ok || name != want {
			t.Errorf("Literal of %q = %q, %v, want %q", pattern, name, ok, want)
		}
	}
	for _, pattern := range []string{"shop*", "[a]", "{a}", "?"} {
		g, err := salvor.CompileGlob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := g.Literal(); ok {
			t.Errorf("%q passes for the plain name %q", pattern, name)
		}
	}
}

func TestGlobsMatchIfAnyDoes(t *testing.T) {
	gs, err := salvor.CompileGlobs([]string{"shop-*", "bank"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"shop-1": true, "bank": true, "bank-1": false} {
		if got := gs.Match(name); got != want {
			t.Errorf("Match(%q) = %v, want %v", name, got, want)
		}
	}
	if (salvor.Globs{}).Match("shop") {
		t.Error("no patterns match a name")
	}
	if _, err := salvor.CompileGlobs([]string{"shop", "["}); err == nil {
		t.Error("a bad pattern among good ones is let through")
	}
}

// A backtracking matcher takes years over this one.
func TestGlobTakesLinearTime(t *testing.T) {
	g, err := salvor.CompileGlob(strings.Repeat("*a", 100) + "b")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if g.Match(strings.Repeat("a", 10_000)) {
		t.Error("a name without b matches")
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("matching took %v", d)
	}
}

func FuzzGlob(f *testing.F) {
	for _, p := range []string{"shop-*", "{a,b{c,d}}", "[!a-z]?", `\*`, "[]]", "{,}", "a{b", "[z-a]", "*.apps"} {
		f.Add(p, "shop-1")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		g, err := salvor.CompileGlob(pattern)
		if err != nil {
			return
		}
		matched := g.Match(name)
		if only, ok := g.Literal(); ok {
			if matched != (name == only) {
				t.Errorf("%q is the plain name %q, but Match(%q) = %v", pattern, only, name, matched)
			}
		}
		star, err := salvor.CompileGlob("{" + pattern + ",*}")
		if err == nil && utf8.ValidString(name) && !star.Match(name) {
			t.Errorf("%q or anything does not match %q", pattern, name)
		}
		again, err := salvor.CompileGlob(g.String())
		if err != nil || again.Match(name) != matched {
			t.Errorf("%q compiles to another pattern the second time: %v", pattern, err)
		}
		quoted, err := salvor.CompileGlob(quote(name))
		if err == nil && utf8.ValidString(name) && !quoted.Match(name) {
			t.Errorf("%q, every character taken as it is, does not match itself", name)
		}
	})
}

func quote(name string) string {
	var b strings.Builder
	for _, r := range name {
		b.WriteRune('\\')
		b.WriteRune(r)
	}
	return b.String()
}
