package location

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest key is what S3 takes, prefix of the location included; the longest
// segment is what Linux takes as a file name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const (
	MaxKeyBytes     = 1024
	MaxSegmentBytes = 255
)

// CheckKey returns ErrKey, with the reason, if no location takes the key. A key
// is one or more segments joined by slashes. A segment is UTF-8 without control
// characters, has 1 to MaxSegmentBytes bytes and doesn't begin with a dot: such
// names belong to the store, and "." and ".." to nobody.
//
// A key can't also be the directory of another: with "a" there can be no "a/b".
func CheckKey(key string) error {
	if err := checkText(key); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(key, segment); err != nil {
			return err
		}
		if segment == "" {
			return badKey(key, "it has an empty part between slashes")
		}
	}
	return nil
}

// CheckPrefix returns ErrKey, with the reason, if no key can begin with prefix.
// A prefix may end anywhere in a key; the empty one is that of all keys.
func CheckPrefix(prefix string) error {
	if err := checkText(prefix); err != nil {
		return err
	}
	segments := strings.Split(prefix, "/")
	for i, segment := range segments {
		if err := checkSegment(prefix, segment); err != nil {
			return err
		}
		if segment == "" && i != len(segments)-1 {
			return badKey(prefix, "it has an empty part between slashes")
		}
	}
	return nil
}

// CheckDir returns ErrKey, with the reason, unless prefix is empty or a prefix
// that ends with a slash.
func CheckDir(prefix string) error {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return badKey(prefix, "a directory ends with a slash")
	}
	return CheckPrefix(prefix)
}

func checkText(key string) error {
	if len(key) > MaxKeyBytes {
		return badKey(key[:40]+"…", "it has %d bytes, and %d is the most", len(key), MaxKeyBytes)
	}
	if !utf8.ValidString(key) {
		return badKey(key, "it is not UTF-8")
	}
	for _, r := range key {
		// S3 answers in XML, which has no place for these.
		if unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF' {
			return badKey(key, "it has the character %U", r)
		}
	}
	return nil
}

func checkSegment(key, segment string) error {
	switch {
	case len(segment) > MaxSegmentBytes:
		return badKey(key, "a part has %d bytes, and %d is the most", len(segment), MaxSegmentBytes)
	case strings.HasPrefix(segment, "."):
		return badKey(key, "a part begins with a dot")
	}
	return nil
}

func badKey(key, format string, args ...any) error {
	return fmt.Errorf("%w: %q: %s", ErrKey, key, fmt.Sprintf(format, args...))
}
