package dir

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const openDirectory = unix.O_DIRECTORY

// publish renames oldName in oldDir to newName in newDir. If that is taken it
// fails with fs.ErrExist and changes nothing.
func publish(oldDir *os.File, oldName string, newDir *os.File, newName string) error {
	err := unix.Renameat2(int(oldDir.Fd()), oldName, int(newDir.Fd()), newName, unix.RENAME_NOREPLACE)
	// NFS and some FUSE file systems don't know the flag, but can link.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		return link(oldDir, oldName, newDir, newName)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
	return nil
}

func lacksAttributes(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENODATA)
}
