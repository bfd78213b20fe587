package dir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
)

func signalContext() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM)
}

// fillDisk mounts a disk of 1 MiB at path, where only this process sees it, and
// puts a blob that is too large.
func fillDisk(path string) {
	ctx, cancel := signalContext()
	defer cancel()
	if err := fill(ctx, path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
	os.Exit(0)
}

func fill(ctx context.Context, path string) error {
	// Without this, the mount would show outside where "/" is shared.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("leaving the mounts of others: %w", err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mounting a small disk: %w", err)
	}
	s, err := dir.Open(ctx, path, dir.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Put(ctx, "small", location.Bytes([]byte("x"))); err != nil {
		return err
	}
	_, err = s.Put(ctx, "large", location.Bytes(locationtest.Random(1, 2<<20)))
	if !errors.Is(err, location.ErrFull) || !strings.Contains(err.Error(), "free space") {
		return fmt.Errorf("putting a blob that is too large gives: %w", err)
	}
	for info, err := range s.List(ctx, "", "") {
		if err != nil || info.Key != "small" {
			return fmt.Errorf("listing gives %+v, %w", info, err)
		}
	}
	temps, err := os.ReadDir(path + "/.salvor/tmp")
	if err != nil || len(temps) != 0 {
		return fmt.Errorf("temporary files left: %v, %w", temps, err)
	}
	_, err = s.Put(ctx, "fits", location.Bytes(locationtest.Random(1, 500<<10)))
	return err
}

// A full disk is told as such and nothing of the blob stays.
func TestFullDisk(t *testing.T) {
	cmd := child(t, "filler", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	}
	out, err := cmd.Output()
	if err != nil || string(out) != "ok\n" {
		t.Fatalf("%s%v (needs root, or user namespaces, to mount a small disk)", out, err)
	}
}
