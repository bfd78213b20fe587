package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// comparison is what came of comparing two snapshots.
type comparison struct {
	// objects that were compared; of their fields, how many are equal, leaf by leaf, and how many parts differ as allowed.
	objects, equal, allowed int
	// owned is how many references to an owner were checked.
	owned    int
	problems []string
}

// compare compares each object that was with the one that is, field by field, and looks for objects that were not.
func compare(was, is *snapshot, allow *allowances) (*comparison, error) {
	c := &comparison{}
	for _, k := range was.keys() {
		if allow.object(k) {
			continue
		}
		now, there := is.objects[k]
		if !there {
			c.problem("%s is missing", k)
			continue
		}
		a, err := decode(was.objects[k])
		if err != nil {
			return nil, fmt.Errorf("decoding %s: %w", k, err)
		}
		b, err := decode(now)
		if err != nil {
			return nil, fmt.Errorf("decoding %s: %w", k, err)
		}
		c.objects++
		c.values(k, nil, a, b, allow)
	}
	for _, k := range is.keys() {
		if _, there := was.objects[k]; !there && !allow.object(k) {
			c.problem("%s is new", k)
		}
	}
	return c, c.owners(is)
}

// decode keeps numbers as they are written.
func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v)
}

func (c *comparison) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// absent stands for a value that is not there.
type absent struct{}

// values compares two values. What differs is named leaf by leaf, unless a part of it may differ.
func (c *comparison) values(k key, path []string, a, b any, allow *allowances) {
	if reflect.DeepEqual(a, b) {
		c.equal += leaves(a)
		return
	}
	if allow.field(k, path, a) {
		c.allowed++
		return
	}
	aa, bb := children(a), children(b)
	if len(aa)+len(bb) == 0 || kind(a) != kind(b) && kind(a) != "nothing" && kind(b) != "nothing" {
		c.problem("%s: %s was %s and is %s", k, joinPointer(path), show(k, a), show(k, b))
		return
	}
	names := maps.Clone(aa)
	maps.Copy(names, bb)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.values(k, append(slices.Clip(path), name), child(aa, name), child(bb, name), allow)
	}
}

// leaves counts scalars, nulls and what is empty.
func leaves(v any) (n int) {
	for _, e := range children(v) {
		n += leaves(e)
	}
	return max(n, 1)
}

// children of an object or a list, by name or index; none of anything else.
func children(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case []any:
		m := make(map[string]any, len(v))
		for i, e := range v {
			m[strconv.Itoa(i)] = e
		}
		return m
	}
	return map[string]any{}
}

func child(m map[string]any, name string) any {
	if v, there := m[name]; there {
		return v
	}
	return absent{}
}

func kind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "list"
	case absent:
		return "nothing"
	}
	return "value"
}

// show shows a leaf, but not what a Secret holds.
func show(k key, v any) string {
	if kind(v) == "nothing" {
		return "not there"
	}
	if k.kind == "secrets" {
		return "one value"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// owners checks that each owner that an object names is the living one.
func (c *comparison) owners(is *snapshot) error {
	uids := map[string]bool{}
	type object struct {
		Metadata struct {
			UID             string
			OwnerReferences []struct{ Kind, Name, UID string }
		}
	}
	objects := map[key]object{}
	for k, raw := range is.objects {
		var o object
		if err := json.Unmarshal(raw, &o); err != nil {
			return fmt.Errorf("decoding %s: %w", k, err)
		}
		objects[k] = o
		uids[o.Metadata.UID] = true
	}
	for _, k := range is.keys() {
		for _, owner := range objects[k].Metadata.OwnerReferences {
			c.owned++
			if !uids[owner.UID] {
				c.problem("%s names an owner that doesn't live: %s %s, uid %s", k, owner.Kind, owner.Name, owner.UID)
			}
		}
	}
	return nil
}
