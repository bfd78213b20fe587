package kube

import (
	"bytes"
	"encoding/json"
	"errors"

	"salvor.io/salvor/shared/cluster"
)

var errMalformed = errors.New("malformed JSON in a list")

// scanner finds the end of one JSON value that may arrive in several parts. It minds strings and nesting only:
// what the API server sends is well-formed, and what is cut off never ends.
type scanner struct {
	depth    int
	inString bool
	escaped  bool
	inScalar bool
	err      error
}

// scan goes on with more bytes. It returns how many belong to the value, and whether the value has ended.
func (s *scanner) scan(b []byte) (n int, done bool) {
	for i := 0; i < len(b); i++ {
		if s.inString {
			end := s.stringEnd(b[i:])
			if end < 0 {
				return len(b), false
			}
			i += end
			if s.depth == 0 {
				return i + 1, true
			}
			continue
		}
		switch b[i] {
		case '"':
			if s.inScalar {
				s.err = errMalformed
				return i, false
			}
			s.inString = true
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.depth == 0 { // ends the collection around a scalar
				return i, s.inScalar
			}
			s.depth--
			if s.depth == 0 {
				return i + 1, true
			}
		case ',', ' ', '\n', '\r', '\t', ':':
			if s.depth == 0 {
				if !s.inScalar {
					s.err = errMalformed
				}
				return i, s.inScalar
			}
		default:
			if s.depth == 0 {
				s.inScalar = true
			}
		}
	}
	return len(b), false
}

// stringEnd returns the index of the quote that ends the string, or -1 and what to remember for the next part.
func (s *scanner) stringEnd(b []byte) int {
	for i := 0; i < len(b); {
		if s.escaped {
			s.escaped = false
			i++
			continue
		}
		quote := bytes.IndexByte(b[i:], '"')
		part := b[i:]
		if quote >= 0 {
			part = b[i : i+quote]
		}
		slash := bytes.IndexByte(part, '\\')
		if slash < 0 {
			if quote < 0 {
				return -1
			}
			s.inString = false
			return i + quote
		}
		s.escaped = true
		i += slash + 1
	}
	return -1
}

// identify finds name and namespace in an object without decoding the rest.
//
// Go structs write kind and apiVersion, if any, before metadata; maps (custom resources) write sorted keys. So when
// metadata comes first there is no apiVersion, and otherwise all keys are looked at.
func identify(raw []byte) (cluster.Item, error) {
	item := cluster.Item{Raw: raw}
	seen := false
	err := fields(raw, func(key, value []byte, index int) (bool, error) {
		switch string(key) {
		case `"apiVersion"`:
			item.HasType = true
		case `"metadata"`:
			seen = true
			if err := identifyMeta(value, &item); err != nil {
				return false, err
			}
			return index > 0 && !item.HasType, nil
		}
		return !(seen && item.HasType), nil
	})
	if err == nil && item.Name == "" {
		err = errors.New("malformed list: an item without metadata.name")
	}
	return item, err
}

func identifyMeta(meta []byte, item *cluster.Item) error {
	return fields(meta, func(key, value []byte, _ int) (bool, error) {
		var err error
		switch string(key) {
		case `"name"`:
			item.Name, err = unquote(value)
		case `"namespace"`:
			item.Namespace, err = unquote(value)
		}
		return item.Name == "" || item.Namespace == "", err
	})
}

// fields calls f with each key (quoted) and value of the object until f returns false.
func fields(object []byte, f func(key, value []byte, index int) (bool, error)) error {
	rest := bytes.TrimLeft(object, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return errMalformed
	}
	rest = rest[1:]
	for index := 0; ; index++ {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 {
			return errMalformed
		}
		if rest[0] == '}' {
			return nil
		}
		var key, value []byte
		var ok bool
		if key, rest, ok = cutValue(rest); !ok {
			return errMalformed
		}
		rest = bytes.TrimLeft(rest, " \t\r\n:")
		if value, rest, ok = cutValue(rest); !ok {
			return errMalformed
		}
		if more, err := f(key, value, index); !more || err != nil {
			return err
		}
	}
}

// cutValue cuts the JSON value at the start of b from what follows.
func cutValue(b []byte) (value, rest []byte, ok bool) {
	var s scanner
	n, done := s.scan(b)
	return b[:n], b[n:], done && n > 0
}

// unquote decodes a JSON string; most names have no escapes.
func unquote(quoted []byte) (string, error) {
	if n := len(quoted); n >= 2 && quoted[0] == '"' && quoted[n-1] == '"' && bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : n-1]), nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", errMalformed
	}
	return s, nil
}
