package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// fail says of err what was done to which key of the location.
func (s *Store) fail(doing, key string, err error) error {
	return fail(doing, s.path+"/"+key, err)
}

// fail translates what the file system says into the errors of package location.
func fail(doing, what string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s %s: %w", doing, what, err)
	}
	var known *salvor.Error
	if errors.As(err, &known) {
		return &salvor.Error{Code: known.Code, Message: doing + " " + what, Err: err}
	}
	hint, kind := classify(err)
	if kind == nil {
		return fmt.Errorf("%s %s: %w", doing, what, err)
	}
	return &salvor.Error{
		Code: salvor.CodeOf(kind), Message: doing + " " + what, Hint: hint,
		Err: fmt.Errorf("%w: %w", kind, err),
	}
}

func classify(err error) (hint string, kind error) {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on that disk, or let older backups expire", location.ErrFull
	case errors.Is(err, syscall.EFBIG):
		return "that file system, or a limit of this process, does not allow files so large", location.ErrFull
	case errors.Is(err, syscall.EROFS):
		return "the disk is mounted read-only", location.ErrDenied
	case errors.Is(err, fs.ErrPermission):
		return "let the user who runs Salvor own the directory and all in it", location.ErrDenied
	case errors.Is(err, fs.ErrNotExist):
		return "the directory is gone: see whether its disk is still mounted", location.ErrAbsent
	case isNotDirectory(err):
		return "a part of that path is a file", location.ErrKey
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE):
		return "the disk fails: see the system's log", location.ErrUnavailable
	}
	return "", nil
}

func isNotDirectory(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
