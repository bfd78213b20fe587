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
	kind, hint := classify(err)
	if kind == nil {
		return fmt.Errorf("%s %s: %w", doing, what, err)
	}
	return &salvor.Error{
		Code: salvor.CodeOf(kind), Message: doing + " " + what, Hint: hint,
		Err: fmt.Errorf("%w: %w", kind, err),
	}
}

func classify(err error) (kind error, hint string) {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return location.ErrFull, "free space on that disk, or let older backups expire"
	case errors.Is(err, syscall.EFBIG):
		return location.ErrFull, "that file system, or a limit of this process, does not allow files so large"
	case errors.Is(err, syscall.EROFS):
		return location.ErrDenied, "the disk is mounted read-only"
	case errors.Is(err, fs.ErrPermission):
		return location.ErrDenied, "let the user who runs Salvor own the directory and all in it"
	case errors.Is(err, fs.ErrNotExist):
		return location.ErrSetup, "the directory is gone: see whether its disk is still mounted"
	case isNotDirectory(err):
		return location.ErrKey, "a part of that path is a file"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE):
		return location.ErrUnavailable, "the disk fails: see the system's log"
	}
	return nil, ""
}

func isNotDirectory(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
