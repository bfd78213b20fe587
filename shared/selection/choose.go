package selection

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
)

// selector is a label selector of the scope, which counts what it matched.
type selector struct {
	labels.Selector
	field string
	// value, quoted, is one that some label of whatever is selected has; empty when that can't be told.
	value []byte
	hits  atomic.Int64
}

func newSelector(field string, s *metav1.LabelSelector) (*selector, error) {
	compiled, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "scope.%s: %w", field, err)
	}
	one := &selector{Selector: compiled, field: field}
	requirements, _ := compiled.Requirements()
	for _, r := range requirements {
		if values := r.ValuesUnsorted(); len(values) == 1 && (r.Operator() == selection.Equals || r.Operator() == selection.In) {
			one.value = []byte(`"` + values[0] + `"`) // it has no character that JSON could write in another way
		}
	}
	return one, nil
}

// selects reports whether the selector matches the object. Most objects are told apart without looking for their labels.
func (s *selector) selects(i cluster.Item) bool {
	return bytes.Contains(i.Raw, s.value) && s.matches(labelsOf(i.Raw))
}

func (s *selector) matches(l map[string]string) bool {
	if !s.Matches(labels.Set(l)) {
		return false
	}
	s.hits.Add(1)
	return true
}

// pattern is an ObjectPattern, which counts what it matched.
type pattern struct {
	kind      Kinds
	namespace *salvor.Glob // nil: all
	name      *salvor.Glob
	text      string
	hits      atomic.Int64
}

func newPattern(o *salvor.ObjectPattern) (p *pattern, err error) {
	p = &pattern{text: o.Kind + " " + o.Name}
	if p.kind, err = CompileKinds([]string{o.Kind}); err != nil {
		return nil, err
	}
	if o.Namespace != "" {
		p.text = o.Kind + " " + o.Namespace + "/" + o.Name
		if p.namespace, err = salvor.CompileGlob(o.Namespace); err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "namespace: %w", err)
		}
	}
	if p.name, err = salvor.CompileGlob(o.Name); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "name: %w", err)
	}
	return p, nil
}

// means reports whether the pattern may name objects of the kind.
func (p *pattern) means(r cluster.Resource) bool {
	return p.kind.Match(r) && (r.Namespaced || p.namespace == nil)
}

func (p *pattern) matches(i cluster.Item) bool {
	if !p.name.Match(i.Name) || p.namespace != nil && !p.namespace.Match(i.Namespace) {
		return false
	}
	p.hits.Add(1)
	return true
}

// Chooser decides about the objects of one kind.
type Chooser struct {
	selection *Selection
	wants     bool
	all       string // why every object is chosen; "" when labels decide
	objects   []*pattern
	filters   []*filter
	leftOut   bool // the scope leaves the kind out
	rules     []objectRule
}

// Chooser returns what decides about objects of the kind.
func (s *Selection) Chooser(r cluster.Resource) *Chooser {
	c := &Chooser{selection: s, leftOut: s.excluded(r), wants: s.takesKind(r) && !s.objectsAlone}
	if !r.Namespaced {
		c.wants = s.ClusterScoped() == salvor.ClusterScopedAll && s.takesKind(r)
	}
	switch {
	case !r.Namespaced && s.clusterKinds.Match(r):
		c.wants, c.all = true, "of scope.clusterKinds"
	case c.wants && len(s.labels) == 0 && r.Namespaced:
		c.all = "in a chosen namespace"
	case c.wants && len(s.labels) == 0:
		c.all = "without namespace, of which all are taken"
	}
	for _, p := range s.objects {
		if p.means(r) {
			c.objects = append(c.objects, p)
		}
	}
	for _, f := range s.filters {
		if f.kinds.Match(r) {
			c.filters = append(c.filters, f)
		}
	}
	for _, rule := range objectRules {
		if rule.kind == r.String() {
			c.rules = append(c.rules, rule)
		}
	}
	return c
}

// Chosen says why the scope chooses the object, "" when it does not.
func (c *Chooser) Chosen(i cluster.Item) string {
	for _, p := range c.objects {
		if p.matches(i) {
			return "named by " + p.text
		}
	}
	if !c.wants || slices.ContainsFunc(c.filters, func(f *filter) bool { return !f.passes(i) }) {
		return ""
	}
	if c.all != "" {
		return c.all
	}
	for _, s := range c.selection.labels {
		if s.selects(i) {
			return "matches " + s.String()
		}
	}
	return ""
}

// Left says why the object is not stored even if it is chosen or needed, "" when it is. Made: what owns it makes it again.
func (c *Chooser) Left(i cluster.Item) (reason string, made bool) {
	for _, rule := range c.rules {
		if rule.match(object{i}) {
			return rule.reason, rule.made
		}
	}
	if c.leftOut {
		return "the scope leaves its kind out", false
	}
	if reason := optedOut(i); reason != "" {
		return reason, false
	}
	for _, f := range c.filters {
		if f.exclude.Match(i.Name) {
			return "a filter of the scope excludes its name", false
		}
	}
	return "", false
}

// labelsOf returns the labels of an object.
func labelsOf(raw []byte) map[string]string {
	value := rawjson.Get(raw, "metadata", "labels")
	if len(value) < 3 {
		return nil
	}
	l := map[string]string{}
	_ = rawjson.Fields(value, func(key, value []byte, _ int) (bool, error) {
		k, err1 := rawjson.Unquote(key)
		v, err2 := rawjson.Unquote(value)
		if err1 == nil && err2 == nil {
			l[k] = v
		}
		return true, nil
	})
	return l
}

// The marks by which an object asks not to be backed up.
const (
	// OptOutLabel with the value "true" leaves an object out; on a Namespace, all that is in it.
	OptOutLabel = "salvor.io/exclude-from-backup"
	// veleroOptOut is that of Velero (https://velero.io/docs/main/resource-filtering/).
	veleroOptOut = "velero.io/exclude-from-backup"
	// storkOptOut is an annotation of Stork, the engine of PX-Backup.
	storkOptOut = "stork.libopenstorage.org/skip-resource"
)

// optedOut says by which mark the object asks to be left out, "" when it does not.
func optedOut(i cluster.Item) string {
	if bytes.Contains(i.Raw, []byte("exclude-from-backup")) {
		for _, label := range []string{OptOutLabel, veleroOptOut} {
			if string(rawjson.Get(i.Raw, "metadata", "labels", label)) == `"true"` {
				return fmt.Sprintf("labelled %s=true", label)
			}
		}
	}
	if bytes.Contains(i.Raw, []byte(storkOptOut)) && string(rawjson.Get(i.Raw, "metadata", "annotations", storkOptOut)) == `"true"` {
		return fmt.Sprintf("annotated %s=true", storkOptOut)
	}
	return ""
}
