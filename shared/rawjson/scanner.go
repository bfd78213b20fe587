// Package rawjson finds its way in JSON without decoding it, so that objects can be told apart at the speed at which
// they arrive and kept as the bytes they are. It minds strings and nesting only; it is for input that a server made.
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ErrMalformed is input that is not JSON.
var ErrMalformed = errors.New("malformed JSON")

// Scanner finds the end of one JSON value that may arrive in several parts. It minds strings and nesting only:
// what the API server sends is well-formed, and what is cut off never ends.
type Scanner struct {
	depth    int
	inString bool
	escaped  bool
	inScalar bool
	// Err is ErrMalformed once the input cannot be JSON.
	Err error
}

// Scan goes on with more bytes. It returns how many belong to the value, and whether the value has ended.
func (s *Scanner) Scan(b []byte) (n int, done bool) {
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
				s.Err = ErrMalformed
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
					s.Err = ErrMalformed
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
func (s *Scanner) stringEnd(b []byte) int {
	quote := -1 // the next one at or behind i, or the end; looked for once, as there may be a million escapes before it
	for i := 0; i < len(b); {
		if s.escaped {
			s.escaped = false
			i++
			continue
		}
		if quote < i {
			if quote = bytes.IndexByte(b[i:], '"'); quote < 0 {
				quote = len(b)
			} else {
				quote += i
			}
		}
		slash := bytes.IndexByte(b[i:quote], '\\')
		if slash < 0 {
			if quote == len(b) {
				return -1
			}
			s.inString = false
			return quote
		}
		s.escaped = true
		i += slash + 1
	}
	return -1
}

// Fields calls f with each key (quoted) and value of the object until f returns false.
func Fields(object []byte, f func(key, value []byte, index int) (bool, error)) error {
	rest := bytes.TrimLeft(object, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return ErrMalformed
	}
	rest = rest[1:]
	for index := 0; ; index++ {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 {
			return ErrMalformed
		}
		if rest[0] == '}' {
			return nil
		}
		var key, value []byte
		var ok bool
		if key, rest, ok = cutValue(rest); !ok {
			return ErrMalformed
		}
		rest = bytes.TrimLeft(rest, " \t\r\n:")
		if value, rest, ok = cutValue(rest); !ok {
			return ErrMalformed
		}
		if more, err := f(key, value, index); !more || err != nil {
			return err
		}
	}
}

// cutValue cuts the JSON value at the start of b from what follows.
func cutValue(b []byte) (value, rest []byte, ok bool) {
	var s Scanner
	n, done := s.Scan(b)
	return b[:n], b[n:], done && n > 0
}

// Unquote decodes a JSON string; most names have no escapes.
func Unquote(quoted []byte) (string, error) {
	if n := len(quoted); n >= 2 && quoted[0] == '"' && quoted[n-1] == '"' && bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : n-1]), nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", ErrMalformed
	}
	return s, nil
}

// Get returns the value (raw) at the path of keys below the object, nil when it is not there.
func Get(object []byte, path ...string) []byte {
	for _, want := range path {
		var found []byte
		err := Fields(object, func(key, value []byte, _ int) (bool, error) {
			if len(key) == len(want)+2 && string(key[1:len(key)-1]) == want {
				found = value
				return false, nil
			}
			return true, nil
		})
		if err != nil || found == nil {
			return nil
		}
		object = found
	}
	return object
}
