package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// readList splits the JSON of a list into its items without decoding them, holding one at a time.
// An input that ends too early gives io.ErrUnexpectedEOF.
func readList(r io.Reader, each func(cluster.Item) error) (cluster.ListResult, error) {
	l := &listing{tokens: tokens{r: r, buf: make([]byte, 64<<10)}, each: each}
	err := l.read()
	l.result.Bytes = l.count
	return l.result, err
}

// listing reads {"…":…,"metadata":{…},"items":[…]} with its keys in any order.
type listing struct {
	tokens
	each   func(cluster.Item) error
	result cluster.ListResult
	// listed tells a list of nothing from an answer that is none, of a proxy or a broken aggregated API.
	listed bool
}

func (l *listing) read() error {
	if err := l.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		done, err := l.next('}', first)
		if done && !l.listed {
			return errors.New("malformed list: it has no items, not even none")
		}
		if done || err != nil {
			return err
		}
		key, err := l.value()
		if err != nil {
			return err
		}
		name, err := rawjson.Unquote(key)
		if err != nil {
			return err
		}
		if err := l.expect(':'); err != nil {
			return err
		}
		if err := l.field(name); err != nil {
			return err
		}
	}
}

func (l *listing) field(name string) error {
	if name == "items" {
		l.listed = true
		return l.items()
	}
	v, err := l.value()
	if err != nil || name != "metadata" {
		return err
	}
	var meta struct {
		ResourceVersion    string `json:"resourceVersion"`
		Continue           string `json:"continue"`
		RemainingItemCount int64  `json:"remainingItemCount"`
	}
	if err := json.Unmarshal(v, &meta); err != nil {
		return fmt.Errorf("decoding the metadata of a list: %w", err)
	}
	l.result.Revision, l.result.Continue, l.result.Remaining = meta.ResourceVersion, meta.Continue, meta.RemainingItemCount
	return nil
}

func (l *listing) items() error {
	c, err := l.peek()
	if err != nil {
		return err
	}
	if c == 'n' { // null: an empty list of some servers
		_, err := l.value()
		return err
	}
	if err := l.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		done, err := l.next(']', first)
		if done || err != nil {
			return err
		}
		raw, err := l.value()
		if err != nil {
			return err
		}
		item, err := identify(raw)
		if err != nil {
			return err
		}
		l.result.Items++
		if err := l.each(item); err != nil {
			return err
		}
	}
}

// tokens reads JSON values as bytes from a stream. What it returns is valid until the next call.
type tokens struct {
	r     io.Reader
	buf   []byte
	pos   int // what is before has been consumed
	end   int // what is behind has not been read
	count int64
}

// more reads more behind end, making room by dropping what is consumed. It returns by how much the rest moved down.
func (t *tokens) more() (moved int, err error) {
	if t.pos > 0 {
		moved = t.pos
		copy(t.buf, t.buf[t.pos:t.end])
		t.end -= t.pos
		t.pos = 0
	}
	if t.end == len(t.buf) {
		if len(t.buf) >= 2*archive.MaxObject {
			return moved, fmt.Errorf("an object of the list is larger than %d bytes", archive.MaxObject)
		}
		t.buf = append(t.buf, make([]byte, len(t.buf))...)
	}
	for range 100 {
		n, err := t.r.Read(t.buf[t.end:])
		t.end += n
		t.count += int64(n)
		if n > 0 {
			return moved, nil
		}
		if err == io.EOF {
			return moved, io.ErrUnexpectedEOF
		}
		if err != nil {
			return moved, err
		}
	}
	return moved, io.ErrNoProgress
}

// peek returns the next byte that is not white space, without consuming it.
func (t *tokens) peek() (byte, error) {
	for {
		for t.pos < t.end {
			switch c := t.buf[t.pos]; c {
			case ' ', '\t', '\r', '\n':
				t.pos++
			default:
				return c, nil
			}
		}
		if _, err := t.more(); err != nil {
			return 0, err
		}
	}
}

func (t *tokens) expect(want byte) error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	if c != want {
		return fmt.Errorf("malformed list: %q where %q was expected", c, want)
	}
	t.pos++
	return nil
}

// next consumes the end of a collection (done) or the comma before its next element.
func (t *tokens) next(end byte, first bool) (done bool, err error) {
	c, err := t.peek()
	if err != nil {
		return false, err
	}
	if c == end {
		t.pos++
		return true, nil
	}
	if first {
		return false, nil
	}
	return false, t.expect(',')
}

// value returns the bytes of the next JSON value and consumes it.
func (t *tokens) value() ([]byte, error) {
	if _, err := t.peek(); err != nil {
		return nil, err
	}
	var s rawjson.Scanner
	i := t.pos
	for {
		n, done := s.Scan(t.buf[i:t.end])
		i += n
		if done {
			v := t.buf[t.pos:i]
			t.pos = i
			return v, s.Err
		}
		if s.Err != nil {
			return nil, s.Err
		}
		moved, err := t.more()
		if err != nil {
			return nil, err
		}
		i -= moved
	}
}
