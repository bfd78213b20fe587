package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"filippo.io/age"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// unlock opens the key of a location with a passphrase, or makes it. The files
// are encrypted for that key and not for the passphrase itself, since trying a
// passphrase takes about a second by design.
func (s *Store) unlock(ctx context.Context, o Options) error {
	stored, err := s.root.ReadFile(keyFile)
	var key *age.X25519Identity
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.Passphrase == "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
		key, err = s.makeKey(ctx, o)
	case err == nil && o.Passphrase != "":
		key, err = openKey(stored, o.Passphrase)
	case err == nil && !s.sealed():
		err = &salvor.Error{Code: salvor.Invalid, Hint: "give its passphrase",
			Err: fmt.Errorf("%w: it is encrypted with a passphrase", location.ErrSetup)}
	}
	if err != nil || key == nil {
		return err
	}
	s.recipients, s.identities = []age.Recipient{key.Recipient()}, []age.Identity{key}
	return nil
}

// makeKey makes a new key and stores it encrypted by the passphrase. It returns
// the stored one: that of another process if that was faster.
func (s *Store) makeKey(ctx context.Context, o Options) (*age.X25519Identity, error) {
	if blobs, err := s.hasBlobs(ctx, ""); err != nil {
		return nil, err
	} else if blobs {
		return nil, &salvor.Error{Code: salvor.Invalid, Hint: "use an empty directory for encrypted backups",
			Err: fmt.Errorf("%w: it holds blobs already that no passphrase protects", location.ErrSetup)}
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	recipient, err := age.NewScryptRecipient(o.Passphrase)
	if err != nil {
		return nil, fmt.Errorf("using the passphrase: %w", err)
	}
	if o.workFactor != 0 {
		recipient.SetWorkFactor(o.workFactor)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypting the key: %w", err)
	}
	fmt.Fprintf(w, "# public key: %s\n%s\n", key.Recipient(), key)
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypting the key: %w", err)
	}
	// The key file itself is stored as it is: no recipients are set yet.
	_, err = s.put(ctx, keyFile, location.Bytes(sealed.Bytes()))
	if !errors.Is(err, location.ErrExists) {
		return key, err
	}
	stored, err := s.root.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	return openKey(stored, o.Passphrase)
}

func openKey(stored []byte, passphrase string) (*age.X25519Identity, error) {
	opener, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("using the passphrase: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(stored), opener)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return nil, &salvor.Error{Code: salvor.Forbidden, Hint: "give the passphrase that this location was first opened with",
			Err: fmt.Errorf("%w: the passphrase does not open its key", location.ErrDenied)}
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(r)
	}
	var keys []age.Identity
	if err == nil {
		keys, err = age.ParseIdentities(bytes.NewReader(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", location.ErrCorrupt, keyFile, err)
	}
	if key, ok := keys[0].(*age.X25519Identity); ok && len(keys) == 1 {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %s holds no key of this store", location.ErrSetup, keyFile)
}
