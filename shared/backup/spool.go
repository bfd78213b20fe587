package backup

import (
	"io"
	"sync"
)

// chunkSize is how a spool grows.
const chunkSize = 128 << 10

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// spool holds the bytes of one segment, or its stored form, in memory, in pieces that are used again by the next.
type spool struct {
	parts []*[chunkSize]byte
	size  int
}

// Write appends p; it never fails.
func (s *spool) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		at := s.size % chunkSize
		if at == 0 {
			s.parts = append(s.parts, chunks.Get().(*[chunkSize]byte))
		}
		copied := copy(s.parts[len(s.parts)-1][at:], p)
		p = p[copied:]
		s.size += copied
	}
	return n, nil
}

// WriteTo writes all that the spool holds, and leaves it as it is.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	left := s.size
	for _, part := range s.parts {
		n := min(left, chunkSize)
		if _, err := w.Write(part[:n]); err != nil {
			return int64(s.size - left), err
		}
		left -= n
	}
	return int64(s.size), nil
}

// ReadAt reads what the spool holds from off on.
func (s *spool) ReadAt(p []byte, off int64) (n int, err error) {
	at := int(off)
	for n < len(p) && at < s.size {
		part := s.parts[at/chunkSize][at%chunkSize : min(s.size-at/chunkSize*chunkSize, chunkSize)]
		copied := copy(p[n:], part)
		n, at = n+copied, at+copied
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Read is there for io.Copy, which prefers WriteTo.
func (s *spool) Read([]byte) (int, error) { return 0, io.EOF }

// free gives the memory back.
func (s *spool) free() {
	for _, part := range s.parts {
		chunks.Put(part)
	}
	s.parts, s.size = nil, 0
}
