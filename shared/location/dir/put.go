package dir

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"filippo.io/age"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Put stores body under key, see location.Location.
func (s *Store) Put(ctx context.Context, key string, body location.Body) (location.Info, error) {
	if err := location.CheckKey(key); err != nil {
		return location.Info{}, fail("putting", key, err)
	}
	info, err := s.put(ctx, key, body)
	if err != nil {
		return location.Info{}, s.fail("putting", key, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, body location.Body) (location.Info, error) {
	if s.sealed() && len(s.recipients) == 0 {
		return location.Info{}, &salvor.Error{Code: salvor.Invalid, Hint: "open the location with a recipient",
			Err: fmt.Errorf("%w: it can be read but not written", location.ErrSetup)}
	}
	if err := s.vacant(key); err != nil {
		return location.Info{}, s.durably(key, err)
	}
	temp, modTime, err := s.writeTemp(ctx, body)
	if err != nil {
		return location.Info{}, err
	}
	if err := s.publishIn(temp, key); err != nil {
		s.root.Remove(path.Join(tempDir, temp))
		return location.Info{}, s.durably(key, err)
	}
	return location.Info{Key: key, Size: body.Size(), ModTime: modTime, SHA256: body.SHA256()}, nil
}

// durably sees to it that whoever is told ErrExists can rely on the blob: another
// put may have given it its key just now, and not have synced that yet.
func (s *Store) durably(key string, err error) error {
	if errors.Is(err, location.ErrExists) {
		return errors.Join(err, s.syncDir(path.Dir(key)))
	}
	return err
}

// vacant returns ErrExists if there is a blob under key, and ErrKey if key is a
// directory of other blobs or lies below a blob.
func (s *Store) vacant(key string) error {
	at, err := s.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case at.IsDir():
		return fmt.Errorf("%w: it is the directory of other keys", location.ErrKey)
	}
	return location.ErrExists
}

// writeTemp writes body to a new temporary file, durably, and returns its name.
// On an error it leaves no file.
func (s *Store) writeTemp(ctx context.Context, body location.Body) (_ string, modTime time.Time, err error) {
	name := rand.Text()
	f, err := s.root.OpenFile(path.Join(tempDir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", modTime, err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			s.root.Remove(path.Join(tempDir, name))
		}
	}()
	if err := s.writeBody(ctx, f, body); err != nil {
		return "", modTime, err
	}
	if err := f.Sync(); err != nil {
		return "", modTime, err
	}
	at, err := f.Stat()
	if err != nil {
		return "", modTime, err
	}
	return name, at.ModTime(), nil
}

// writeBody writes body to f as the store keeps it, and checks that what was
// read is what the body's digest says.
func (s *Store) writeBody(ctx context.Context, f *os.File, body location.Body) error {
	h := sha256.New()
	from := io.TeeReader(&contextReader{ctx: ctx, r: body.Reader()}, h)
	if len(s.recipients) == 0 {
		// The wrapper hides f's ReadFrom, which would not look at the context.
		if _, err := io.Copy(struct{ io.Writer }{f}, from); err != nil {
			return err
		}
		if err := writeDigest(f, body.SHA256()); err != nil {
			return err
		}
	} else {
		w, err := age.Encrypt(f, s.recipients...)
		if err != nil {
			return fmt.Errorf("encrypting: %w", err)
		}
		if _, err := io.Copy(w, from); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	if sum := [sha256.Size]byte(h.Sum(nil)); sum != body.Sum() {
		return fmt.Errorf("%w: the body read has SHA-256 %s, and %s was announced",
			location.ErrCorrupt, hex.EncodeToString(sum[:]), body.SHA256())
	}
	return nil
}

// publishIn gives the temporary file its key, unless the key is taken.
func (s *Store) publishIn(temp, key string) error {
	for try := 0; ; try++ {
		parent, err := s.ensureDir(path.Dir(key))
		if err != nil {
			return err
		}
		err = publish(s.temp, temp, parent, path.Base(key))
		if err == nil {
			err = parent.Sync()
		}
		parent.Close()
		// Another process may have deleted the directory's last blob, and then
		// the directory, between ensureDir and publish.
		if errors.Is(err, fs.ErrNotExist) && try < 10 {
			continue
		}
		if errors.Is(err, fs.ErrExist) {
			if taken := s.vacant(key); taken != nil {
				return taken
			}
			return location.ErrExists
		}
		return err
	}
}

// ensureDir opens a directory below the root, and makes it and those above where
// they are missing. When it returns, all of them are durable.
func (s *Store) ensureDir(dir string) (*os.File, error) {
	s.dirs.Lock()
	defer s.dirs.Unlock()
	return s.ensureDirLocked(dir)
}

func (s *Store) ensureDirLocked(dir string) (*os.File, error) {
	f, err := s.root.OpenFile(dir, os.O_RDONLY|openDirectory, 0)
	if !errors.Is(err, fs.ErrNotExist) || dir == "." {
		return f, err
	}
	parent, err := s.ensureDirLocked(path.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	if err := s.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := parent.Sync(); err != nil {
		return nil, err
	}
	return s.root.OpenFile(dir, os.O_RDONLY|openDirectory, 0)
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
