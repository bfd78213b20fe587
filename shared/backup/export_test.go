package backup

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
)

// ChunkSize is how a spool grows.
const ChunkSize = chunkSize

// Spool is what a spool can do.
type Spool interface {
	io.Writer
	io.WriterTo
	io.ReaderAt
}

// NewSpool returns an empty spool.
func NewSpool() Spool { return &spool{} }

// Segments cuts the items into segments and returns them, with their bytes if whole is true.
func Segments(res cluster.Resource, items []cluster.Item, whole bool) (segments []archive.Segment, data []string, err error) {
	s, err := newSegmenter(res, func(seg archive.Segment, sp *spool) error {
		segments = append(segments, seg)
		if whole {
			var b strings.Builder
			b.Grow(sp.size)
			if _, err := sp.WriteTo(&b); err != nil {
				return err
			}
			data = append(data, b.String())
		}
		sp.free()
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, i := range items {
		if err := s.add(i); err != nil {
			return nil, nil, err
		}
	}
	return segments, data, s.flush()
}

// Shelve puts objects of the sizes onto a shelf in dir and returns those that takes wants, in their order, with how many
// bytes went to a file and what that holds.
func Shelve(dir string, objects [][]byte, takes func(int) bool) (back [][]byte, filed int64, file []byte, err error) {
	s := &shelf{dir: dir}
	defer s.free()
	r := &row{shelf: s}
	for n, o := range objects {
		if err := r.add(closure.Node(n), cluster.Item{Raw: o, HasType: n%2 == 0}); err != nil {
			return nil, 0, nil, err
		}
	}
	if err := r.done(); err != nil {
		return nil, 0, nil, err
	}
	err = r.each(func(n closure.Node) bool { return takes(int(n)) }, func(n closure.Node, raw []byte, hasType bool) error {
		if hasType != (n%2 == 0) {
			return fmt.Errorf("object %d has lost its type", n)
		}
		back = append(back, slices.Clone(raw))
		return nil
	})
	if s.file != nil {
		file = make([]byte, s.size)
		if _, readErr := s.file.ReadAt(file, 0); readErr != nil {
			err = readErr
		}
	}
	return back, s.size, file, err
}
