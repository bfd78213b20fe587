package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process owns the instance.
var ErrHeld = errors.New("instance is held by another process")

// lockPoll is how often a held lock is tried again.
const lockPoll = 20 * time.Millisecond

// TryLock takes the lock, or returns ErrHeld. It is a lock of the open file:
// it lasts as long as the file is open, here or in a process that inherited it.
func (i Instance) TryLock() (*os.File, error) {
	f, err := i.openLock()
	if err != nil {
		return nil, err
	}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, whole())
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		f.Close()
		return nil, ErrHeld
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", i.lockPath(), err)
	}
	return f, nil
}

// Lock waits for the lock until ctx ends.
func (i Instance) Lock(ctx context.Context) (*os.File, error) {
	for {
		f, err := i.TryLock()
		if !errors.Is(err, ErrHeld) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s %s to let go: %w", i.Kind, i.Name, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// Held reports whether some process owns the instance. It only asks: taking the
// lock to find out would make another asker believe that it is held.
func (i Instance) Held() bool {
	f, err := i.openLock()
	if err != nil {
		return false
	}
	defer f.Close()
	question := whole()
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, question) == nil && question.Type != unix.F_UNLCK
}

func (i Instance) openLock() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(i.lockPath()), 0o700); err != nil {
		return nil, fmt.Errorf("making the lock directory: %w", err)
	}
	f, err := os.OpenFile(i.lockPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	return f, nil
}

func whole() *unix.Flock_t { return &unix.Flock_t{Type: unix.F_WRLCK} }
