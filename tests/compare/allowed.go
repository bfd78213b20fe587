package compare

import (
	_ "embed" // the file of allowed differences
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed allowed-differences.yaml
var allowedYAML []byte

// Allowances are the differences that a restored object may have.
type Allowances struct {
	// Fields may differ.
	Fields []*Allowance `json:"fields"`
	// Objects may be missing or new.
	Objects []*Allowance `json:"objects"`
}

// Allowance is one of them, with its reason.
type Allowance struct {
	Kinds []string `json:"kinds"`
	// Names are those of the objects, as globs.
	Names []string `json:"names"`
	// Labels and Annotations are some that the objects have, as globs of their values.
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// Controlled: a controller owns the objects.
	Controlled bool   `json:"controlled"`
	Path       string `json:"path"`
	// Only is a glob of the values that may change, Unless a value that must not.
	Only   string `json:"only"`
	Unless string `json:"unless"`
	// In names the comparisons in which it is allowed; empty: in all.
	In     []string `json:"in"`
	Reason string   `json:"reason"`
	used   int
}

// ReadAllowances reads the file of allowed differences for one comparison, named as in the file.
func ReadAllowances(comparison string) (*Allowances, error) {
	var a Allowances
	if err := yaml.UnmarshalStrict(allowedYAML, &a); err != nil {
		return nil, fmt.Errorf("reading the allowed differences: %w", err)
	}
	for _, list := range []*[]*Allowance{&a.Fields, &a.Objects} {
		for _, one := range *list {
			if one.Reason == "" {
				return nil, fmt.Errorf("reading the allowed differences: %+v has no reason", *one)
			}
		}
		*list = slices.DeleteFunc(*list, func(one *Allowance) bool { return len(one.In) > 0 && !slices.Contains(one.In, comparison) })
	}
	return &a, nil
}

// object is one that is looked at.
type object struct {
	Key
	Metadata struct {
		UID                 string
		Labels, Annotations map[string]string
		OwnerReferences     []struct {
			Kind, Name, UID string
			Controller      bool
		}
	}
}

func readObject(k Key, raw []byte) (o object, err error) {
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("decoding %s: %w", k, err)
	}
	o.Key = k
	return o, nil
}

func (o object) controlled() bool {
	for _, r := range o.Metadata.OwnerReferences {
		if r.Controller {
			return true
		}
	}
	return false
}

func (a *Allowance) about(o object) bool {
	return (len(a.Kinds) == 0 || slices.Contains(a.Kinds, o.Kind)) &&
		(len(a.Names) == 0 || slices.ContainsFunc(a.Names, func(name string) bool { return like(name, o.Name) })) &&
		(!a.Controlled || o.controlled()) && have(o.Metadata.Labels, a.Labels) && have(o.Metadata.Annotations, a.Annotations)
}

func have(all, wanted map[string]string) bool {
	for k, pattern := range wanted {
		if v, there := all[k]; !there || !like(pattern, v) {
			return false
		}
	}
	return true
}

// like matches a glob; a malformed one matches nothing.
func like(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return ok && err == nil
}

// object tells whether the object need not be compared.
func (a *Allowances) object(o object) bool {
	for _, one := range a.Objects {
		if one.about(o) {
			one.used++
			return true
		}
	}
	return false
}

// field tells whether the object, which was so at the path, may differ there.
func (a *Allowances) field(o object, path []string, was any) bool {
	for _, one := range a.Fields {
		if !one.about(o) || !covers(pointer(one.Path), path) || one.Unless != "" && was == one.Unless {
			continue
		}
		if text, ok := was.(string); one.Only != "" && (!ok || !like(one.Only, text)) {
			continue
		}
		one.used++
		return true
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

// Lines show every allowance, how often it was needed, and why it is there.
func (a *Allowances) Lines() []string {
	var lines []string
	for _, f := range a.Fields {
		lines = append(lines, fmt.Sprintf("%4d x %s%s: %s", f.used, f.Path, ofKinds(f), f.Reason))
	}
	for _, o := range a.Objects {
		lines = append(lines, fmt.Sprintf("%4d x whole object%s: %s", o.used, ofKinds(o), o.Reason))
	}
	return lines
}

func ofKinds(a *Allowance) string {
	if len(a.Kinds) == 0 {
		return ""
	}
	return " of " + strings.Join(append(slices.Clone(a.Kinds), a.Names...), ", ")
}
