package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Where the store keeps what is its own, below the root.
const (
	ownDir  = ".salvor"
	tempDir = ownDir + "/tmp"
	keyFile = ownDir + "/key.age"
)

// Options say how a directory is used.
type Options struct {
	// Create makes the directory where it is missing. Without, a missing one is
	// an error: it may be a disk that isn't mounted.
	Create bool
	// Passphrase encrypts every file with a key that is made on first use, kept
	// in .salvor/key.age, and opened by the passphrase. Not together with
	// Recipients or Identities.
	Passphrase string
	// Recipients encrypt every file for their owners.
	Recipients []age.Recipient
	// Identities open what was encrypted. Without any, a location with
	// Recipients can be written and listed, but not read.
	Identities []age.Identity
	// Now is the clock by which a forgotten temporary file is old. The default
	// is the system's.
	Now func() time.Time

	// workFactor is the cost of a new passphrase, as a power of two; 0 is age's
	// default, about a second.
	workFactor int
}

// Store is a location in a directory.
type Store struct {
	path       string
	root       *os.Root
	temp       *os.File // the directory tempDir, to rename from
	recipients []age.Recipient
	identities []age.Identity

	// dirs keeps directories from going while a put in this process counts on
	// them, and puts from counting on one whose creation isn't durable yet.
	dirs sync.Mutex
}

var _ location.Location = (*Store)(nil)

// Open returns the location in the directory path.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening directory location: %w", err)
	}
	s, err := open(path, o)
	if err != nil {
		return nil, fail("opening directory location", path, err)
	}
	if err := s.setUp(ctx, o); err != nil {
		s.Close()
		return nil, fail("opening directory location", path, err)
	}
	return s, nil
}

func open(path string, o Options) (*Store, error) {
	if o.Passphrase != "" && len(o.Recipients)+len(o.Identities) > 0 {
		return nil, fmt.Errorf("%w: both a passphrase and keys were given", location.ErrSetup)
	}
	if o.Create {
		if err := makeRoot(path); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &salvor.Error{Code: salvor.NotFound, Hint: "create it, or mount the disk that it is on",
			Err: fmt.Errorf("%w: %w", location.ErrAbsent, err)}
	}
	if at, statErr := os.Stat(path); err != nil && statErr == nil && !at.IsDir() {
		return nil, fmt.Errorf("%w: it is not a directory", location.ErrSetup)
	}
	if err != nil {
		return nil, err
	}
	return &Store{path: path, root: root, recipients: o.Recipients, identities: o.Identities}, nil
}

// setUp readies an opened root: the store's own directory, the temporary files
// that a crash left, the key.
func (s *Store) setUp(ctx context.Context, o Options) error {
	parent, err := s.ensureDir(tempDir)
	if err != nil {
		return err
	}
	s.temp = parent
	if err := s.sweep(o.now()); err != nil {
		return err
	}
	return s.unlock(ctx, o)
}

// makeRoot makes the root directory and what is missing above it, durably.
func makeRoot(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeRoot(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// Close lets the directory go. The location can't be used any more.
func (s *Store) Close() error {
	if s.temp != nil {
		s.temp.Close()
	}
	return s.root.Close()
}

// String returns the directory's absolute path.
func (s *Store) String() string { return s.path }
