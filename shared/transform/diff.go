package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
)

// Differences returns where two objects differ, as JSON pointers in ascending order without values. Both come from
// Object, Normal or Merge. An empty list or object, null, and a missing field are the same; so are equal numbers
// written differently. Owner references are compared without regard to their order, and not at all with ownersAside.
// Finalizers differ only where the first object has one that the second lacks: others may be added at any time.
func Differences(want, live []byte, ownersAside bool) ([]string, error) {
	if bytes.Equal(want, live) {
		return nil, nil
	}
	a, err := decode(want)
	if err != nil {
		return nil, err
	}
	b, err := decode(live)
	if err != nil {
		return nil, err
	}
	delete(a, "apiVersion") // a group's other version is the server's own affair
	delete(b, "apiVersion")
	ma, _ := a["metadata"].(map[string]any)
	mb, _ := b["metadata"].(map[string]any)
	settleMeta(ma, mb, ownersAside)
	d := differ{}
	d.compare("", a, b)
	slices.Sort(d.found)
	return d.found, nil
}

func decode(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("decoding an object to compare it: %w", err)
	}
	return m, nil
}

// settleMeta brings lists of metadata whose order means nothing into one form.
func settleMeta(want, live map[string]any, ownersAside bool) {
	if want == nil || live == nil {
		return
	}
	if ownersAside {
		delete(want, "ownerReferences")
		delete(live, "ownerReferences")
	}
	for _, m := range []map[string]any{want, live} {
		list, _ := m["ownerReferences"].([]any)
		byUID := map[string]any{}
		for _, o := range list {
			owner, _ := o.(map[string]any)
			uid, _ := owner["uid"].(string)
			byUID[uid] = o
		}
		if len(byUID) == len(list) {
			m["ownerReferences"] = byUID
		}
	}
	has, _ := live["finalizers"].([]any)
	needs, _ := want["finalizers"].([]any)
	if !slices.ContainsFunc(needs, func(f any) bool { return !slices.Contains(has, f) }) {
		delete(want, "finalizers")
		delete(live, "finalizers")
	}
}

type differ struct{ found []string }

func (d *differ) compare(path string, a, b any) {
	if empty(a) && empty(b) {
		return
	}
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			d.compareMaps(path, a, b)
			return
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				d.compare(path+"/"+strconv.Itoa(i), a[i], b[i])
			}
			return
		}
	case json.Number:
		if b, ok := b.(json.Number); ok && sameNumber(a, b) {
			return
		}
	default:
		if equalScalars(a, b) {
			return
		}
	}
	d.found = append(d.found, path)
}

func (d *differ) compareMaps(path string, a, b map[string]any) {
	for k, v := range a {
		d.compare(path+pointer([]string{k}), v, b[k])
	}
	for k, v := range b {
		if _, both := a[k]; !both {
			d.compare(path+pointer([]string{k}), nil, v)
		}
	}
}

// equalScalars compares what is neither object, list nor number; comparing maps with == would panic.
func equalScalars(a, b any) bool {
	switch b.(type) {
	case string, bool, nil:
		return a == b
	}
	return false
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	// Beyond this an exponent would make a number too large to compute with.
	if len(a) > 64 || len(b) > 64 {
		return false
	}
	x, ok1 := exact(a)
	y, ok2 := exact(b)
	return ok1 && ok2 && x.Cmp(y) == 0
}

// exact returns the number if its exponent is small.
func exact(n json.Number) (*big.Rat, bool) {
	if i := bytes.IndexAny([]byte(n), "eE"); i >= 0 {
		if e, err := strconv.Atoi(string(n[i+1:])); err != nil || e > 400 || e < -400 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(n))
}
