package dir

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"salvor.io/salvor/shared/location"
)

// errStop ends a walk that nobody wants more of.
var errStop = errors.New("stop")

// List yields the blobs below prefix, see location.Location.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[location.Info, error] {
	return func(yield func(location.Info, error) bool) {
		err := location.CheckPrefix(prefix)
		if err == nil {
			// Only below the last slash can keys begin with prefix.
			dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
			err = s.walk(ctx, dir, prefix, after, func(info location.Info) bool { return yield(info, nil) })
		}
		if err != nil && err != errStop {
			yield(location.Info{}, s.fail("listing", prefix, err))
		}
	}
}

// Dirs yields the directories right below prefix, see location.Location.
func (s *Store) Dirs(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := location.CheckDir(prefix)
		var names []string
		if err == nil {
			names, err = s.names(prefix)
		}
		for _, name := range names {
			var blobs bool
			if dir, is := strings.CutSuffix(name, "/"); is {
				if blobs, err = s.hasBlobs(ctx, prefix+name); err != nil {
					break
				}
				if blobs && !yield(dir, nil) {
					return
				}
			}
		}
		if err != nil {
			yield("", s.fail("listing", prefix, err))
		}
	}
}

// hasBlobs reports whether there is a blob anywhere below dir. A crash, or a
// delete meanwhile, leaves directories without any.
func (s *Store) hasBlobs(ctx context.Context, dir string) (bool, error) {
	err := s.walk(ctx, dir, "", "", func(location.Info) bool { return false })
	if err == errStop {
		return true, nil
	}
	return false, err
}

// walk calls yield with each blob below dir, which is empty or ends with a
// slash, in ascending order, until it returns false.
func (s *Store) walk(ctx context.Context, dir, prefix, after string, yield func(location.Info) bool) error {
	names, err := s.names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := dir + name
		below := strings.HasSuffix(key, "/")
		switch {
		case below && !strings.HasPrefix(key, prefix) && !strings.HasPrefix(prefix, key):
		case below && key < after && !strings.HasPrefix(after, key):
		case below:
			err = s.walk(ctx, key, prefix, after, yield)
		case strings.HasPrefix(key, prefix) && key > after:
			err = s.visit(key, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visit yields the blob under key, if it is still there.
func (s *Store) visit(key string, yield func(location.Info) bool) error {
	info, err := s.brief(key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, location.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !yield(info) {
		return errStop
	}
	return nil
}

// brief is what a list tells of a blob: without opening the file, unless its
// size stands inside.
func (s *Store) brief(key string) (location.Info, error) {
	if !s.sealed() {
		at, err := s.root.Lstat(key)
		if err != nil {
			return location.Info{}, err
		}
		return location.Info{Key: key, Size: at.Size(), ModTime: at.ModTime()}, nil
	}
	f, info, err := s.openBlob(key)
	if errors.Is(err, location.ErrCorrupt) {
		return location.Info{Key: key, Size: -1}, nil // one damaged file must not hide the others
	}
	if err != nil {
		return info, err
	}
	return info, f.Close()
}

// names returns the files of a directory and, with a slash at the end, its
// directories, sorted as keys are. Nothing if there is no such directory.
func (s *Store) names(dir string) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), path.Clean(dir+"."))
	if errors.Is(err, fs.ErrNotExist) || isNotDirectory(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case location.CheckKey(e.Name()) != nil: // the store's own, or not a blob's
		case e.IsDir():
			names = append(names, e.Name()+"/")
		case e.Type().IsRegular():
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
