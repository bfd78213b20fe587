package location

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Verify returns a reader of r that ends with ErrCorrupt instead of io.EOF if
// the bytes that it read don't have the SHA-256 digest, in hex. It is for
// callers who know the digest from elsewhere, such as a manifest. What is read
// before the end is unproven.
func Verify(r io.ReadCloser, digest string) io.ReadCloser {
	return &verifier{ReadCloser: r, h: sha256.New(), want: digest}
}

type verifier struct {
	io.ReadCloser
	h    hash.Hash
	want string
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.h.Write(p[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(v.h.Sum(nil)); got != v.want {
			err = fmt.Errorf("%w: SHA-256 is %s, was %s", ErrCorrupt, got, v.want)
		}
	}
	return n, err
}
