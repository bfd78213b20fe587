package cli

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// System is what a command needs of the process it runs in.
type System struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Now is the clock, and Zone that of the user.
	Now  func() time.Time
	Zone *time.Location
	// User is who asks, as user@host.
	User string
	// Holder names this process in leases; no other has the same.
	Holder string
	// Version of Salvor.
	Version string
	// Interrupt tells of each Ctrl-C: the first ends a command cleanly, the second at once. It may be nil.
	Interrupt <-chan os.Signal
}

// terminal returns the terminal behind a stream, nil when it is something else.
func terminal(stream any) *os.File {
	if f, ok := stream.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// colours reports whether to colour what is printed to the stream (https://no-color.org).
func (s System) colours(stream any) bool {
	return terminal(stream) != nil && s.Getenv("NO_COLOR") == "" && s.Getenv("TERM") != "dumb"
}

// width is that of the terminal in characters.
func width(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}
