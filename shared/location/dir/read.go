package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"salvor.io/salvor/shared/location"
)

// Get opens the blob, see location.Location.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, location.Info, error) {
	f, info, err := s.openBlob(key)
	if err != nil {
		return nil, location.Info{}, s.fail("getting", key, err)
	}
	plain, size, err := s.plain(f)
	if err != nil {
		f.Close()
		return nil, location.Info{}, s.fail("getting", key, err)
	}
	info.Size = size
	r := blobReader(ctx, f, io.NewSectionReader(plain, 0, size))
	if info.SHA256 != "" {
		r = location.Verify(r, info.SHA256)
	}
	return &failing{r, s, key}, info, nil
}

// GetRange opens a part of the blob, see location.Location.
func (s *Store) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	f, _, err := s.openBlob(key)
	if err != nil {
		return nil, s.fail("getting a range of", key, err)
	}
	plain, size, err := s.plain(f)
	if err == nil && (offset < 0 || offset >= size || length == 0) {
		err = fmt.Errorf("%w: from %d, %d bytes, of %d", location.ErrRange, offset, length, size)
	}
	if err != nil {
		f.Close()
		return nil, s.fail("getting a range of", key, err)
	}
	if length < 0 {
		length = size
	}
	r := blobReader(ctx, f, io.NewSectionReader(plain, offset, min(length, size-offset)))
	return &failing{r, s, key}, nil
}

// Stat tells what is known of the blob, see location.Location.
func (s *Store) Stat(ctx context.Context, key string) (location.Info, error) {
	if err := ctx.Err(); err != nil {
		return location.Info{}, s.fail("reading about", key, err)
	}
	f, info, err := s.openBlob(key)
	if err != nil {
		return location.Info{}, s.fail("reading about", key, err)
	}
	defer f.Close()
	return info, nil
}

// openBlob opens the file of a blob as it is stored.
func (s *Store) openBlob(key string) (*os.File, location.Info, error) {
	if err := location.CheckKey(key); err != nil {
		return nil, location.Info{}, err
	}
	f, err := s.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) || isNotDirectory(err) {
		return nil, location.Info{}, location.ErrNotFound
	}
	if err != nil {
		return nil, location.Info{}, err
	}
	info, err := s.info(key, f)
	if err != nil {
		f.Close()
		return nil, location.Info{}, err
	}
	return f, info, nil
}

// info tells what is known of the blob in the file f.
func (s *Store) info(key string, f *os.File) (location.Info, error) {
	at, err := f.Stat()
	if err != nil {
		return location.Info{}, err
	}
	if !at.Mode().IsRegular() {
		return location.Info{}, location.ErrNotFound
	}
	info := location.Info{Key: key, Size: at.Size(), ModTime: at.ModTime()}
	if s.sealed() {
		info.Size, err = plainSize(f, at.Size())
	} else {
		info.SHA256, err = readDigest(f)
	}
	return info, err
}

// blobReader reads r, closes f, and stops when ctx ends.
func blobReader(ctx context.Context, f *os.File, r io.Reader) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{&contextReader{ctx: ctx, r: r}, f}
}

// failing says of errors while reading what was read.
type failing struct {
	io.ReadCloser
	s   *Store
	key string
}

func (r *failing) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.fail("reading", r.key, err)
	}
	return n, err
}
