package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"salvor.io/salvor/shared/salvor"
)

// wrap says what was being done and gives the error its code. An error that has one keeps it.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *salvor.Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %w", what, err)
	}
	code, hint := classify(err)
	return salvor.Errorf(code, "%s: %w", what, err).WithHint("%s", hint)
}

func classify(err error) (salvor.Code, string) {
	switch {
	case errors.Is(err, context.Canceled):
		return salvor.Canceled, ""
	case errors.Is(err, context.DeadlineExceeded):
		return salvor.DeadlineExceeded, ""
	case errors.Is(err, fs.ErrPermission):
		return salvor.Forbidden, "run as the user that the file belongs to"
	case errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return salvor.Invalid, "name a file"
	case errors.Is(err, syscall.EROFS):
		return salvor.Forbidden, "choose a place that can be written"
	case errors.Is(err, syscall.ENOSPC):
		return salvor.Unavailable, "the disk is full; make room"
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return salvor.Internal, ""
	}
	switch e.Code() & 0xff { // The low byte is the primary result code: https://www.sqlite.org/rescode.html.
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return salvor.Unavailable, "another process is writing; try again"
	case sqlite3.SQLITE_FULL:
		return salvor.Unavailable, "the disk is full; make room"
	case sqlite3.SQLITE_IOERR:
		return salvor.Unavailable, "check the disk"
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
		return salvor.Forbidden, "check who owns the file and its directory"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return salvor.Corrupt, "move the file away; the catalog can be rebuilt from the location"
	case sqlite3.SQLITE_INTERRUPT:
		return salvor.Canceled, ""
	}
	return salvor.Internal, ""
}
