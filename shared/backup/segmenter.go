package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
)

// The sizes of segments in uncompressed bytes: none is cut below the least unless its objects end, about the usual is
// what the hash brings about, and the most is never passed.
const (
	leastSegment = 1 << 20
	usualSegment = 4 << 20
	mostSegment  = archive.MaxSegment
)

// segmenter turns the objects of one kind, in their order, into segments. It cuts where the namespace changes, and
// inside a namespace where the hash of an object's name says so: then one change touches one segment, for the cuts
// around it stay where they are.
type segmenter struct {
	typeMeta []byte // what is spliced in after the first brace
	seal     func(archive.Segment, *spool) error

	segment archive.Segment
	data    *spool
	hash    hash.Hash
	compact bytes.Buffer
}

// newSegmenter makes a segmenter of the kind; seal takes over each segment and its bytes.
func newSegmenter(res cluster.Resource, seal func(archive.Segment, *spool) error) (*segmenter, error) {
	version, err := json.Marshal(res.APIVersion())
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(res.Kind)
	if err != nil {
		return nil, err
	}
	return &segmenter{typeMeta: fmt.Appendf(nil, `{"apiVersion":%s,"kind":%s,`, version, kind), seal: seal}, nil
}

// add appends the object, byte for byte; kind and version are spliced in where the list left them out.
func (s *segmenter) add(i cluster.Item) error {
	raw, err := s.line(i.Raw)
	if err != nil {
		return err
	}
	size := len(raw) + 1
	if !i.HasType {
		size += len(s.typeMeta) - 1
	}
	if s.data != nil && (s.segment.Namespace != i.Namespace || s.data.size+size > mostSegment) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if s.data == nil {
		s.data, s.hash = &spool{}, sha256.New()
		s.segment = archive.Segment{Namespace: i.Namespace, First: i.Name}
	}
	if !i.HasType {
		s.write(s.typeMeta)
		raw = raw[1:]
	}
	s.write(raw)
	s.write([]byte{'\n'})
	s.segment.Objects++
	s.segment.Last = i.Name
	if s.data.size >= leastSegment && cutsAfter(i.Name, size) {
		return s.flush()
	}
	return nil
}

// line returns the object in one line: a server that writes line ends between the tokens has them taken out.
func (s *segmenter) line(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '\n') < 0 {
		return raw, nil
	}
	s.compact.Reset()
	if err := json.Compact(&s.compact, raw); err != nil {
		return nil, fmt.Errorf("an object is not JSON: %w", err)
	}
	return s.compact.Bytes(), nil
}

func (s *segmenter) write(p []byte) {
	_, _ = s.hash.Write(p) // neither can fail
	_, _ = s.data.Write(p)
}

// flush ends the segment that is open, if any.
func (s *segmenter) flush() error {
	if s.data == nil {
		return nil
	}
	s.segment.Digest = hex.EncodeToString(s.hash.Sum(nil))
	s.segment.Bytes = int64(s.data.size)
	data := s.data
	s.data = nil
	return s.seal(s.segment, data)
}

// cutsAfter says whether a segment may end behind an object of this name and size: for one object in usualSegment/size.
func cutsAfter(name string, size int) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	x := h.Sum64() // FNV-1a mixes its last bytes too little into the high bits: finish as SplitMix64 does
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return x%usualSegment < uint64(size)
}
