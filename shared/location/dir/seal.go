package dir

import (
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// The parts of an age file after its header: a nonce, then chunks of plaintext,
// each with a tag. https://age-encryption.org/v1
const (
	ageMagic = "age-encryption.org/v1\n"
	ageNonce = 16
	ageChunk = 64 << 10
	ageTag   = 16
)

// sealed reports whether the files of this location are encrypted.
func (s *Store) sealed() bool { return len(s.recipients)+len(s.identities) > 0 }

// plain returns the blob's bytes, as they were put, in the stored file f.
func (s *Store) plain(f *os.File) (io.ReaderAt, int64, error) {
	at, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !s.sealed() {
		return f, at.Size(), refuseSealed(f)
	}
	if len(s.identities) == 0 {
		return nil, 0, &salvor.Error{Code: salvor.Invalid, Hint: "open the location with the identity of one of its recipients",
			Err: fmt.Errorf("%w: it can be written but not read", location.ErrSetup)}
	}
	r, size, err := age.DecryptReaderAt(f, at.Size(), s.identities...)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return nil, 0, &salvor.Error{Code: salvor.Forbidden, Hint: "give the identity it was encrypted for; if that is this one, the file is damaged",
			Err: fmt.Errorf("%w: %w", location.ErrDenied, err)}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", location.ErrCorrupt, err)
	}
	return unsealing{r}, size, nil
}

// refuseSealed keeps ciphertext from being taken for the blob, in a location
// that was opened without its key.
func refuseSealed(f *os.File) error {
	var head [len(ageMagic)]byte
	if n, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return err
	} else if string(head[:n]) != ageMagic {
		return nil
	}
	// What was put here unencrypted carries its digest, whatever it begins with.
	if digest, err := readDigest(f); err != nil || digest != "" {
		return err
	}
	return &salvor.Error{Code: salvor.Invalid, Hint: "open the location with its passphrase or its identity",
		Err: fmt.Errorf("%w: it is encrypted", location.ErrSetup)}
}

// plainSize returns the size of the blob in an encrypted file of size bytes. It
// needs no key.
func plainSize(f io.ReaderAt, size int64) (int64, error) {
	header, err := age.ExtractHeader(io.NewSectionReader(f, 0, size))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", location.ErrCorrupt, err)
	}
	payload := size - int64(len(header)) - ageNonce
	chunks := (payload + ageChunk + ageTag - 1) / (ageChunk + ageTag)
	if plain := payload - chunks*ageTag; chunks > 0 && plain >= 0 {
		return plain, nil
	}
	return 0, fmt.Errorf("%w: it ends too early", location.ErrCorrupt)
}

// unsealing says of a chunk that doesn't authenticate that the file is corrupt.
type unsealing struct{ r io.ReaderAt }

func (u unsealing) ReadAt(p []byte, off int64) (int, error) {
	n, err := u.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", location.ErrCorrupt, err)
	}
	return n, err
}
