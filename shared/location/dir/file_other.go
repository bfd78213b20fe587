//go:build unix && !linux

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
	return link(oldDir, oldName, newDir, newName)
}

func lacksAttributes(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOATTR)
}
