package main

import (
	_ "embed" // the file of allowed differences
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed allowed-differences.yaml
var allowedYAML []byte

// allowances are the differences that a restored object may have.
type allowances struct {
	// Fields may differ.
	Fields []*allowance `json:"fields"`
	// Objects may be missing or new.
	Objects []*allowance `json:"objects"`
}

// allowance is one of them, with its reason.
type allowance struct {
	Kinds []string `json:"kinds"`
	Names []string `json:"names"`
	Path  string   `json:"path"`
	// Unless is a value that must not change.
	Unless string `json:"unless"`
	Reason string `json:"reason"`
	used   int
}

func readAllowances() (*allowances, error) {
	var a allowances
	if err := yaml.UnmarshalStrict(allowedYAML, &a); err != nil {
		return nil, fmt.Errorf("reading the allowed differences: %w", err)
	}
	for _, one := range append(slices.Clone(a.Fields), a.Objects...) {
		if one.Reason == "" {
			return nil, fmt.Errorf("reading the allowed differences: %+v has no reason", *one)
		}
	}
	return &a, nil
}

func (a *allowance) about(k key) bool {
	return (len(a.Kinds) == 0 || slices.Contains(a.Kinds, k.kind)) && (len(a.Names) == 0 || slices.Contains(a.Names, k.name))
}

// object tells whether the object need not be compared.
func (a *allowances) object(k key) bool {
	for _, one := range a.Objects {
		if one.about(k) {
			one.used++
			return true
		}
	}
	return false
}

// field tells whether the object, which was so at the path, may differ there.
func (a *allowances) field(k key, path []string, was any) bool {
	for _, one := range a.Fields {
		if one.about(k) && covers(pointer(one.Path), path) && (one.Unless == "" || was != one.Unless) {
			one.used++
			return true
		}
	}
	return false
}

// covers tells whether path is at or below the pattern.
func covers(pattern, path []string) bool {
	if len(path) < len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != path[i] {
			return false
		}
	}
	return true
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// pointer splits a JSON Pointer.
func pointer(s string) []string {
	parts := strings.Split(strings.TrimPrefix(s, "/"), "/")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	return parts
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// joinPointer makes a JSON Pointer.
func joinPointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + escape.Replace(p))
	}
	return b.String()
}

// lines show every allowance, how often it was needed, and why it is there.
func (a *allowances) lines() []string {
	var lines []string
	for _, f := range a.Fields {
		lines = append(lines, fmt.Sprintf("%4d x %s%s: %s", f.used, f.Path, ofKinds(f), f.Reason))
	}
	for _, o := range a.Objects {
		lines = append(lines, fmt.Sprintf("%4d x whole object%s: %s", o.used, ofKinds(o), o.Reason))
	}
	return lines
}

func ofKinds(a *allowance) string {
	if len(a.Kinds) == 0 {
		return ""
	}
	return " of " + strings.Join(append(slices.Clone(a.Kinds), a.Names...), ", ")
}
