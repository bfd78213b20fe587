package archive

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Open returns a reader of the uncompressed bytes of what Encoder.Encode returned, whatever their length, after having
// checked every stored byte. Corrupt: something differs.
func Open(stored []byte) (io.ReadCloser, error) {
	frame, err := checkTrailer(stored)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(bytes.NewReader(frame), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("making a zstd decoder: %w", err)
	}
	return z.IOReadCloser(), nil
}
