package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Comparison is what came of comparing two snapshots.
type Comparison struct {
	// Objects that were compared; of their fields, how many are Equal, leaf by leaf, and how many parts differ as Allowed.
	Objects, Equal, Allowed int
	// Owned is how many references to an owner were checked.
	Owned int
	// Problems are what differs and may not.
	Problems []string
}

// Compare compares each object that was with the one that is, field by field, and looks for objects that were not.
func Compare(was, is *Snapshot, allow *Allowances) (*Comparison, error) {
	c := &Comparison{}
	for _, k := range was.Keys() {
		o, err := readObject(k, was.Objects[k])
		if err != nil {
			return nil, err
		}
		if allow.object(o) {
			continue
		}
		now, there := is.Objects[k]
		if !there {
			c.problem("%s is missing", k)
			continue
		}
		if err := c.object(o, was.Objects[k], now, allow); err != nil {
			return nil, err
		}
	}
	for _, k := range is.Keys() {
		o, err := readObject(k, is.Objects[k])
		if err != nil {
			return nil, err
		}
		if _, there := was.Objects[k]; !there && !allow.object(o) {
			c.problem("%s is new", k)
		}
	}
	return c, c.owners(is)
}

func (c *Comparison) object(o object, was, is []byte, allow *Allowances) error {
	a, err := decode(was)
	if err != nil {
		return fmt.Errorf("decoding %s: %w", o.Key, err)
	}
	b, err := decode(is)
	if err != nil {
		return fmt.Errorf("decoding %s: %w", o.Key, err)
	}
	c.Objects++
	c.values(o, nil, a, b, allow)
	return nil
}

// decode keeps numbers as they are written.
func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v)
}

func (c *Comparison) problem(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// absent stands for a value that is not there.
type absent struct{}

// values compares two values. What differs is named leaf by leaf, unless a part of it may differ.
func (c *Comparison) values(o object, path []string, a, b any, allow *Allowances) {
	if reflect.DeepEqual(a, b) {
		c.Equal += leaves(a)
		return
	}
	if allow.field(o, path, a) {
		c.Allowed++
		return
	}
	aa, bb := children(a), children(b)
	if len(aa)+len(bb) == 0 || kind(a) != kind(b) && kind(a) != "nothing" && kind(b) != "nothing" {
		c.problem("%s: %s was %s and is %s", o.Key, joinPointer(path), show(o.Key, a), show(o.Key, b))
		return
	}
	names := maps.Clone(aa)
	maps.Copy(names, bb)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.values(o, append(slices.Clip(path), name), child(aa, name), child(bb, name), allow)
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
func show(k Key, v any) string {
	if kind(v) == "nothing" {
		return "not there"
	}
	if k.Kind == "secrets" {
		return "one value"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// owners checks that each owner that an object names is a living one. One without namespace has to be in the snapshot, too.
func (c *Comparison) owners(is *Snapshot) error {
	names := map[string]string{} // by UID
	var objects []object
	for _, k := range is.Keys() {
		o, err := readObject(k, is.Objects[k])
		if err != nil {
			return err
		}
		objects = append(objects, o)
		names[o.Metadata.UID] = k.Name
	}
	for _, o := range objects {
		for _, owner := range o.Metadata.OwnerReferences {
			c.Owned++
			if owner.UID == "" || names[owner.UID] != owner.Name {
				c.problem("%s names an owner that doesn't live: %s %s, uid %s", o.Key, owner.Kind, owner.Name, owner.UID)
			}
		}
	}
	return nil
}
