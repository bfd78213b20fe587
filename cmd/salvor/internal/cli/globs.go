package cli

import (
	"errors"
	"strings"
)

// globs is a flag that may be repeated, of patterns separated by commas. A comma inside braces belongs to its pattern.
type globs []string

// String, Set and Type make globs a flag.
func (g *globs) String() string { return strings.Join(*g, ",") }

// Set adds the patterns in s. Nothing at all is most often a variable that is not set, and would mean everything.
func (g *globs) Set(s string) error {
	if strings.Trim(s, ", \t") == "" {
		return errors.New("there is no pattern in it; leave the flag out, or write '*' for all")
	}
	depth, start := 0, 0
	for i, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				g.add(s[start:i])
				start = i + 1
			}
		}
	}
	g.add(s[start:])
	return nil
}

func (g *globs) add(s string) {
	if s = strings.TrimSpace(s); s != "" {
		*g = append(*g, s)
	}
}

// Type is shown in help.
func (g *globs) Type() string { return "globs" }
