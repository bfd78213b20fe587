package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"salvor.io/salvor/shared/salvor"
)

// A stored segment is one zstd frame and then one skippable frame (RFC 8878, 3.1.2) that holds the SHA-256 of the
// bytes before it. zstd -dc passes over the skippable frame; Salvor checks it, so that a flipped bit is found even
// where it would not change what is decompressed.
const (
	skippableMagic = 0x184D2A53
	trailerSize    = 8 + sha256.Size
)

// MaxObject is the largest object Salvor accepts, in bytes: far above etcd's limit of 1.5 MiB for a request.
const MaxObject = 8 << 20

// MaxSegment is the largest segment by its uncompressed bytes.
const MaxSegment = 16 << 20

// Encoder compresses segments; it is not safe for concurrent use and may be used again.
type Encoder struct{ z *zstd.Encoder }

// NewEncoder returns an encoder with little memory of its own.
func NewEncoder() (*Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("making a zstd encoder: %w", err)
	}
	return &Encoder{z}, nil
}

// Encode returns the stored form of the uncompressed bytes read from r.
func (e *Encoder) Encode(r io.Reader) ([]byte, error) {
	var out bytes.Buffer
	_, err := e.EncodeTo(&out, r)
	return out.Bytes(), err
}

// EncodeTo writes the stored form of the uncompressed bytes read from r to w, and returns the SHA-256 of all that it wrote.
func (e *Encoder) EncodeTo(w io.Writer, r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	out := io.MultiWriter(w, h)
	e.z.Reset(out)
	if _, err := io.Copy(e.z, r); err != nil {
		return sum, fmt.Errorf("compressing segment: %w", err)
	}
	if err := e.z.Close(); err != nil {
		return sum, fmt.Errorf("compressing segment: %w", err)
	}
	if _, err := out.Write(trailer([sha256.Size]byte(h.Sum(nil)))); err != nil {
		return sum, fmt.Errorf("compressing segment: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// trailer is the skippable frame that holds the sum of the zstd frame before it.
func trailer(sum [sha256.Size]byte) []byte {
	t := binary.LittleEndian.AppendUint32(make([]byte, 0, trailerSize), skippableMagic)
	t = binary.LittleEndian.AppendUint32(t, sha256.Size)
	return append(t, sum[:]...)
}

// checkTrailer returns the zstd frame before the trailer.
func checkTrailer(stored []byte) ([]byte, error) {
	n := len(stored) - trailerSize
	if n < 0 || !bytes.Equal(trailer(sha256.Sum256(stored[:n])), stored[n:]) {
		return nil, salvor.Errorf(salvor.Corrupt, "stored bytes do not match their own digest")
	}
	return stored[:n], nil
}

// Decode returns the uncompressed bytes of a stored segment after having checked every stored byte, the digest, the
// length and the number of objects. Corrupt: something differs.
func Decode(stored []byte, s Segment) ([]byte, error) {
	frame, err := checkTrailer(stored)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxSegment+MaxObject), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("making a zstd decoder: %w", err)
	}
	defer z.Close()
	capacity := min(max(s.Bytes, 0), MaxSegment+MaxObject)
	data, err := z.DecodeAll(frame, make([]byte, 0, capacity))
	if err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decompressing: %w", err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != s.Digest {
		return nil, salvor.Errorf(salvor.Corrupt, "content has digest %s instead of %s", got, s.Digest)
	}
	if n := int64(bytes.Count(data, []byte{'\n'})); n != s.Objects || int64(len(data)) != s.Bytes {
		return nil, salvor.Errorf(salvor.Corrupt, "content has %d objects in %d bytes instead of %d in %d", n, len(data), s.Objects, s.Bytes)
	}
	return data, nil
}
