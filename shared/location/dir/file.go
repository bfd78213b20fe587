package dir

import (
	"os"

	"golang.org/x/sys/unix"
)

// digestAttribute is the extended attribute that holds the SHA-256, in hex, of
// the blob in a file.
const digestAttribute = "user.salvor.sha256"

// link is publish by a second name for the file, of which the first is removed.
// A crash in between leaves a temporary file, which costs no space of its own.
func link(oldDir *os.File, oldName string, newDir *os.File, newName string) error {
	if err := unix.Linkat(int(oldDir.Fd()), oldName, int(newDir.Fd()), newName, 0); err != nil {
		return &os.LinkError{Op: "link", Old: oldName, New: newName, Err: err}
	}
	if err := unix.Unlinkat(int(oldDir.Fd()), oldName, 0); err != nil {
		return &os.PathError{Op: "unlink", Path: oldName, Err: err}
	}
	return nil
}

// writeDigest keeps the digest with the file, where the file system can.
func writeDigest(f *os.File, digest string) error {
	err := unix.Fsetxattr(int(f.Fd()), digestAttribute, []byte(digest), 0)
	if err != nil && !lacksAttributes(err) {
		return &os.PathError{Op: "setxattr", Path: f.Name(), Err: err}
	}
	return nil
}

// readDigest returns the digest that is kept with the file, "" if there is none.
// What isn't a digest is returned too: no bytes will have it.
func readDigest(f *os.File) (string, error) {
	var b [128]byte
	n, err := unix.Fgetxattr(int(f.Fd()), digestAttribute, b[:])
	if err == unix.ERANGE {
		return "too long", nil
	}
	if err != nil {
		if lacksAttributes(err) {
			return "", nil
		}
		return "", &os.PathError{Op: "getxattr", Path: f.Name(), Err: err}
	}
	if n == 0 {
		return "empty", nil
	}
	return string(b[:n]), nil
}
