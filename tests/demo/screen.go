package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// screen is what the one who watches sees.
type screen struct {
	out    io.Writer
	began  time.Time
	proofs []string
	lacks  []string
}

func (s *screen) title(text string) {
	fmt.Fprintf(s.out, "\n== %s  [%.1f s]\n", text, time.Since(s.began).Seconds())
}

func (s *screen) say(format string, args ...any) {
	fmt.Fprintf(s.out, "   %s\n", fmt.Sprintf(format, args...))
}

// command shows a command line as one would type it.
func (s *screen) command(words ...string) {
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " *?$'\"{}[]()<>|&;\\") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	fmt.Fprintf(s.out, "   $ %s\n", strings.Join(words, " "))
}

// output shows what a command printed.
func (s *screen) output(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		fmt.Fprintf(s.out, "     %s", line)
	}
}

// prove notes what has been shown.
func (s *screen) prove(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.proofs = append(s.proofs, text)
	s.say("proved: %s", text)
}

// lack notes what was not shown, and why.
func (s *screen) lack(format string, args ...any) {
	s.lacks = append(s.lacks, fmt.Sprintf(format, args...))
}

// conclude sums up.
func (s *screen) conclude() {
	fmt.Fprintf(s.out, "\n== Proved in %.1f s\n", time.Since(s.began).Seconds())
	for i, p := range s.proofs {
		fmt.Fprintf(s.out, "   %2d. %s\n", i+1, p)
	}
	fmt.Fprintln(s.out, "\n== Not shown")
	for _, l := range s.lacks {
		fmt.Fprintf(s.out, "    -  %s\n", l)
	}
}
