package salvor

import (
	"fmt"
	"regexp"
	"strings"
)

// maxGlob is the longest pattern in bytes: four times the longest DNS-1123 name, so that alternatives fit.
const maxGlob = 1024

// Glob is a compiled pattern over a whole name: * stands for any characters or none, ? for one character,
// [abc] [a-z] [!abc] for one of a set, {a,b} for one of the alternatives, which may hold patterns themselves.
// A backslash takes the next character as it is. Matching takes time linear in the name, whatever the pattern.
type Glob struct {
	pattern string
	literal string
	re      *regexp.Regexp // nil when the pattern is a plain name
}

// CompileGlob reads a pattern. Its error says what is wrong with it; it carries no code, for the caller knows the field.
func CompileGlob(pattern string) (*Glob, error) {
	if len(pattern) > maxGlob {
		return nil, fmt.Errorf("a pattern has at most %d bytes, this one %d", maxGlob, len(pattern))
	}
	c := globCompiler{rest: []rune(pattern), plain: true}
	if err := c.compile(); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	g := &Glob{pattern: pattern}
	if c.plain {
		g.literal = c.text.String()
		return g, nil
	}
	// regexp is RE2: linear time, and it refuses what would grow too large.
	re, err := regexp.Compile(`\A(?s:` + c.expr.String() + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	g.re = re
	return g, nil
}

// Match reports whether the pattern matches the whole name.
func (g *Glob) Match(name string) bool {
	if g.re == nil {
		return name == g.literal
	}
	return g.re.MatchString(name)
}

// Literal returns the only name that the pattern matches, and false when it has glob characters.
func (g *Glob) Literal() (string, bool) { return g.literal, g.re == nil }

// String returns the pattern as it was written.
func (g *Glob) String() string { return g.pattern }

// Globs are patterns of which one has to match.
type Globs []*Glob

// CompileGlobs reads the patterns; the error is that of the first bad one.
func CompileGlobs(patterns []string) (Globs, error) {
	gs := make(Globs, 0, len(patterns))
	for _, p := range patterns {
		g, err := CompileGlob(p)
		if err != nil {
			return nil, err
		}
		gs = append(gs, g)
	}
	return gs, nil
}

// Match reports whether any of the patterns matches the whole name; none does when there are none.
func (gs Globs) Match(name string) bool {
	for _, g := range gs {
		if g.Match(name) {
			return true
		}
	}
	return false
}

// globCompiler turns a pattern into a regular expression, and into plain text as long as it is plain.
type globCompiler struct {
	rest  []rune
	depth int
	plain bool
	text  strings.Builder
	expr  strings.Builder
}

func (c *globCompiler) next() rune {
	r := c.rest[0]
	c.rest = c.rest[1:]
	return r
}

func (c *globCompiler) glob(expr string) {
	c.plain = false
	c.expr.WriteString(expr)
}

func (c *globCompiler) char(r rune) {
	c.text.WriteRune(r)
	c.expr.WriteString(regexp.QuoteMeta(string(r)))
}

func (c *globCompiler) compile() error {
	for len(c.rest) > 0 {
		if err := c.step(c.next()); err != nil {
			return err
		}
	}
	if c.depth > 0 {
		return fmt.Errorf("a { has no }")
	}
	return nil
}

func (c *globCompiler) step(r rune) error {
	switch {
	case r == '*':
		c.glob(`.*`)
	case r == '?':
		c.glob(`.`)
	case r == '[':
		return c.set()
	case r == '{':
		c.depth++
		c.glob(`(?:`)
	case r == '}' && c.depth > 0:
		c.depth--
		c.glob(`)`)
	case r == '}':
		return fmt.Errorf(`a } has no {`)
	case r == ',' && c.depth > 0:
		c.glob(`|`)
	case r == '\\':
		if len(c.rest) == 0 {
			return fmt.Errorf(`a backslash has nothing after it`)
		}
		c.char(c.next())
	default:
		c.char(r)
	}
	return nil
}

// set reads up to the closing bracket; the first character may be ] itself.
func (c *globCompiler) set() error {
	var set strings.Builder
	if len(c.rest) > 0 && (c.rest[0] == '!' || c.rest[0] == '^') {
		c.next()
		set.WriteByte('^')
	}
	for first := true; len(c.rest) > 0; first = false {
		r := c.next()
		if r == ']' && !first {
			c.glob(`[` + set.String() + `]`)
			return nil
		}
		low, err := c.member(r)
		if err != nil {
			return err
		}
		high := low
		if len(c.rest) > 1 && c.rest[0] == '-' && c.rest[1] != ']' {
			c.next()
			if high, err = c.member(c.next()); err != nil {
				return err
			}
		}
		if low > high {
			return fmt.Errorf("the range %c-%c runs backwards", low, high)
		}
		fmt.Fprintf(&set, `\x{%x}-\x{%x}`, low, high)
	}
	return fmt.Errorf("a [ has no ]")
}

// member is one character of a set: itself, or the one after a backslash.
func (c *globCompiler) member(r rune) (rune, error) {
	if r != '\\' {
		return r, nil
	}
	if len(c.rest) == 0 {
		return 0, fmt.Errorf("a backslash has nothing after it")
	}
	return c.next(), nil
}
