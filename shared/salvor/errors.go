package salvor

import (
	"errors"
	"fmt"
)

// Code classifies an error for callers: the HTTP status and the exit status are chosen by it.
type Code string

// The codes.
const (
	// Invalid: the request itself is wrong; trying again without a change is useless.
	Invalid Code = "Invalid"
	// NotFound: what was asked for is not there.
	NotFound Code = "NotFound"
	// Exists: it is there already.
	Exists Code = "AlreadyExists"
	// Conflict: somebody else changed it meanwhile; read again and retry.
	Conflict Code = "Conflict"
	// Fenced: another process took the work over; this one must stop writing.
	Fenced Code = "Fenced"
	// Forbidden: the identity in use lacks a permission.
	Forbidden Code = "Forbidden"
	// Unauthorized: the identity could not be established, for example because a token expired.
	Unauthorized Code = "Unauthorized"
	// Unavailable: a server could not be reached or refused for the moment; retrying may help.
	Unavailable Code = "Unavailable"
	// Corrupt: stored bytes do not match their digest.
	Corrupt Code = "Corrupt"
	// Gone: the data was there but is not any more, such as a compacted revision.
	Gone Code = "Gone"
	// Canceled: somebody asked for it to stop.
	Canceled Code = "Canceled"
	// DeadlineExceeded: the time given was not enough.
	DeadlineExceeded Code = "DeadlineExceeded"
	// Suspended: the process had to end before the work was done; another one goes on with it.
	Suspended Code = "Suspended"
	// Internal: a defect in Salvor or something that nobody foresaw.
	Internal Code = "Internal"
)

// Error is an error that a user sees: what happened, to what, and what to do next.
type Error struct {
	// Code is for programs.
	Code Code
	// Message says what happened to what, in lower case.
	Message string
	// Hint says what to do; it may be empty.
	Hint string
	// Err is the cause; it may be nil.
	Err error
}

// Error joins message, cause and hint.
func (e *Error) Error() string {
	s := e.Message
	if e.Err != nil {
		if s != "" {
			s += ": "
		}
		s += e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of the code. With %w the cause stays reachable by errors.Is and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// WithHint returns a copy of the error that says what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// CodeOf returns the code of the outermost Error in the chain, Internal for other errors and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
