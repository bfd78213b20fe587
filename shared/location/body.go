package location

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Body is what a blob shall hold: a fixed number of bytes that can be read more
// than once, at once by several readers, and their SHA-256. The zero Body is
// empty.
type Body struct {
	r    io.ReaderAt
	size int64
	sum  [sha256.Size]byte
}

// Bytes makes a Body of b, which must not change any more.
func Bytes(b []byte) Body {
	return Body{r: bytes.NewReader(b), size: int64(len(b)), sum: sha256.Sum256(b)}
}

// ReaderAt makes a Body of the first size bytes of r, such as a spool file,
// reading them once for the digest. r must stay open and unchanged until the
// Body has been put.
func ReaderAt(r io.ReaderAt, size int64) (Body, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(r, 0, size))
	if err != nil {
		return Body{}, fmt.Errorf("reading a body of %d bytes: %w", size, err)
	}
	if n != size {
		return Body{}, fmt.Errorf("reading a body of %d bytes: it ends after %d: %w", size, n, io.ErrUnexpectedEOF)
	}
	return Body{r: r, size: size, sum: [sha256.Size]byte(h.Sum(nil))}, nil
}

// Summed makes a Body of the first size bytes of r, whose SHA-256 the caller
// computed while writing them. A wrong sum makes the Put fail with ErrCorrupt.
func Summed(r io.ReaderAt, size int64, sum [sha256.Size]byte) Body {
	return Body{r: r, size: size, sum: sum}
}

// Size returns the number of bytes.
func (b Body) Size() int64 { return b.size }

// Sum returns the SHA-256 of the bytes.
func (b Body) Sum() [sha256.Size]byte {
	if b.r == nil {
		return sha256.Sum256(nil)
	}
	return b.sum
}

// SHA256 returns the SHA-256 of the bytes in hex.
func (b Body) SHA256() string {
	sum := b.Sum()
	return hex.EncodeToString(sum[:])
}

// Reader returns a new reader of all the bytes.
func (b Body) Reader() *io.SectionReader { return b.Section(0, b.size) }

// Section returns a new reader of n bytes from off on.
func (b Body) Section(off, n int64) *io.SectionReader {
	if b.r == nil {
		return io.NewSectionReader(bytes.NewReader(nil), 0, 0)
	}
	return io.NewSectionReader(b.r, off, min(n, b.size-off))
}
