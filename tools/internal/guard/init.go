package guard

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// RunInit is process 1 of an instance's own PID namespace: it starts the server
// and reaps what the container runtime leaves behind. It returns the exit code
// of the server; with it everything else in the namespace is killed.
func RunInit() (int, error) {
	if err := ownMounts(); err != nil {
		return 1, err
	}
	self, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("finding this program: %w", err)
	}
	pid, err := syscall.ForkExec(self, []string{self, ServerCommand}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, eventFD},
	})
	if err != nil {
		return 1, fmt.Errorf("starting the server: %w", err)
	}
	syscall.Close(eventFD) // the guard sees the end when the server's is closed too
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return 1, fmt.Errorf("waiting for the server: %w", err)
		}
		if got == pid {
			return status.ExitStatus(), nil
		}
	}
}

// ownMounts keeps what is mounted from now on inside this mount namespace, and
// gives it a /proc that shows this PID namespace.
func ownMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return nil
}
