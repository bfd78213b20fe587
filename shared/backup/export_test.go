package backup

import (
	"io"

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

// Segments cuts the items into segments and returns them with their bytes.
func Segments(res cluster.Resource, items []cluster.Item) (segments []archive.Segment, data []string, err error) {
	s, err := newSegmenter(res, func(seg archive.Segment, sp *spool) error {
		var b writer
		if _, err := sp.WriteTo(&b); err != nil {
			return err
		}
		sp.free()
		segments, data = append(segments, seg), append(data, string(b))
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

type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}
