package salvor

import (
	"encoding/json"
	"strconv"
	"strings"

	kjson "sigs.k8s.io/json"
)

// readable fills in what the document says apart from its mistakes, so that all else that is wrong with it can be said
// at once. It tells whether that much could be read.
func (d *document) readable(into any) bool {
	mistaken := map[string]bool{}
	for _, p := range d.problem {
		mistaken[dotted.Replace(p.Path)] = true
	}
	var tree any
	if mistaken[""] || d.node.Decode(&tree) != nil {
		return false
	}
	data, err := json.Marshal(without(tree, "", mistaken))
	if err != nil {
		return false
	}
	_, err = kjson.UnmarshalStrict(data, into) // that fields are unknown has been said
	return err == nil
}

// dotted writes a path in one notation: what is read by then is not known to be a field, an entry or an item any more.
var dotted = strings.NewReplacer("[", ".", "]", "")

// without is the tree with null in the place of each mistaken value: what stands behind it in a list keeps its place.
func without(tree any, path string, mistaken map[string]bool) any {
	if mistaken[path] {
		return nil
	}
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			tree[key] = without(value, strings.TrimPrefix(path+"."+dotted.Replace(key), "."), mistaken)
		}
	case []any:
		for i, value := range tree {
			tree[i] = without(value, path+"."+strconv.Itoa(i), mistaken)
		}
	}
	return tree
}

// unclear tells whether a mistake in reading keeps one from judging the field: it is of the field, of one in it, or of
// one around it.
func (d *document) unclear(path string) bool {
	for _, p := range d.problem {
		if within(path, p.Path) || within(p.Path, path) {
			return true
		}
	}
	return false
}

// within tells whether the path is the other, or of a field in it.
func within(path, other string) bool {
	rest, in := strings.CutPrefix(path, other)
	return in && (other == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
