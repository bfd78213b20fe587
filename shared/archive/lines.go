package archive

import (
	"bytes"
	"iter"
)

// Lines yields the objects of a segment's uncompressed bytes, without their line ends.
func Lines(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(data) {
			if !yield(bytes.TrimSuffix(line, []byte{'\n'})) {
				return
			}
		}
	}
}
