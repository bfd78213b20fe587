package guard

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// watch returns a channel that is closed when process pid is gone. For pid 0 it
// never is. A pidfd means that process and no later one of the same number.
func watch(pid int) (<-chan struct{}, error) {
	if pid == 0 {
		return nil, nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("watching process %d: %w", pid, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, -1)
			if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
				return
			}
		}
	}()
	return gone, nil
}

// ended returns a channel that is closed at the end of r.
func ended(r io.Reader) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, r)
	}()
	return done
}
