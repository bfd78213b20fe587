package backup

import (
	"io"
	"strings"

	"salvor.io/salvor/shared/archive"
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
