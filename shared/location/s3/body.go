package s3

import (
	"fmt"
	"io"
)

// source reads a body for the SDK. When the body itself can't be read, trying
// again is useless, and the SDK is told so.
type source struct {
	*io.SectionReader
}

func (s source) Read(p []byte) (int, error) {
	n, err := s.SectionReader.Read(p)
	if err == io.EOF && len(p) > 0 {
		if at, _ := s.Seek(0, io.SeekCurrent); at < s.Size() {
			err = fmt.Errorf("the body ends after %d of %d bytes: %w", at, s.Size(), io.ErrUnexpectedEOF)
		}
	}
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// sourceError is an error of the body, not of the connection.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "reading the body: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// RetryableError is what the SDK asks.
func (e *sourceError) RetryableError() bool { return false }
