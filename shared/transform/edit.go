package transform

import (
	"bytes"

	"salvor.io/salvor/shared/rawjson"
)

// member is one field of a JSON object: its key in quotes and its value, both raw.
type member struct{ key, value []byte }

func (m member) is(key string) bool {
	return len(m.key) == len(key)+2 && string(m.key[1:len(m.key)-1]) == key
}

// members are the fields of an object in their order.
type members []member

func parse(object []byte) (members, error) {
	list := make(members, 0, 12)
	err := rawjson.Fields(object, func(key, value []byte, _ int) (bool, error) {
		if key[0] != '"' {
			return false, rawjson.ErrMalformed
		}
		list = append(list, member{key, value})
		return true, nil
	})
	return list, err
}

func (ms members) get(key string) []byte {
	for _, m := range ms {
		if m.is(key) {
			return m.value
		}
	}
	return nil
}

// set replaces the value of the key, or adds it at the end; nil removes it.
func (ms *members) set(key string, value []byte) {
	kept := (*ms)[:0]
	for _, m := range *ms {
		if m.is(key) {
			if value == nil {
				continue
			}
			m.value, value = value, nil
		}
		kept = append(kept, m)
	}
	if value != nil {
		kept = append(kept, member{quote(key), value})
	}
	*ms = kept
}

func (ms members) bytes() []byte {
	size := 2
	for _, m := range ms {
		size += len(m.key) + len(m.value) + 2
	}
	out := append(make([]byte, 0, size), '{')
	for i, m := range ms {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, m.key...), ':'), m.value...)
	}
	return append(out, '}')
}

// elements returns the values of a JSON array, raw; false when it is not one.
func elements(array []byte) ([][]byte, bool) {
	rest := bytes.TrimLeft(array, " \t\r\n")
	if len(rest) == 0 || rest[0] != '[' {
		return nil, false
	}
	rest = rest[1:]
	list := [][]byte{}
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 {
			return nil, false
		}
		if rest[0] == ']' {
			return list, true
		}
		var s rawjson.Scanner
		n, done := s.Scan(rest)
		if !done || n == 0 {
			return nil, false
		}
		list, rest = append(list, rest[:n]), rest[n:]
	}
}

func joinElements(list [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(list, []byte{','})...), ']')
}

// each stands in a path for every element of an array.
const each = "*"

// rewrite returns raw with every value at the path replaced by what f returns for it; nil removes the value. When
// nothing changes, and when the path is not there, it returns raw itself.
func rewrite(raw []byte, path []string, f func(value []byte) []byte) []byte {
	if len(path) == 0 {
		return f(raw)
	}
	if path[0] == each {
		return rewriteElements(raw, path[1:], f)
	}
	ms, err := parse(raw)
	if err != nil {
		return raw
	}
	value := ms.get(path[0])
	if value == nil {
		return raw
	}
	changed := rewrite(value, path[1:], f)
	if same(changed, value) {
		return raw
	}
	ms.set(path[0], changed)
	return ms.bytes()
}

func rewriteElements(raw []byte, path []string, f func([]byte) []byte) []byte {
	list, ok := elements(raw)
	if !ok {
		return raw
	}
	kept, any := list[:0], false
	for _, e := range list {
		changed := rewrite(e, path, f)
		any = any || !same(changed, e)
		if changed != nil {
			kept = append(kept, changed)
		}
	}
	if !any {
		return raw
	}
	return joinElements(kept)
}

// put returns raw with the value at the path, making the objects on the way where they lack.
func put(raw []byte, path []string, value []byte) []byte {
	if len(path) == 0 {
		return value
	}
	ms, err := parse(raw)
	if err != nil {
		ms = nil
	}
	ms.set(path[0], put(ms.get(path[0]), path[1:], value))
	return ms.bytes()
}

// same reports whether two slices are the very same bytes in memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 && (a == nil) == (b == nil) || len(a) > 0 && &a[0] == &b[0])
}

// quote returns the JSON string of s. Keys and names of Kubernetes need no escapes; what does is left to encoding/json.
func quote(s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			return encode(s)
		}
	}
	return append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
}
