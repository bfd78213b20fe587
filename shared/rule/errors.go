package rule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// failure is an error with credentials taken out of its text.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// fail says in which pod a command failed, what it said last, and what becomes of one that was left behind.
func fail(t Target, err error, stderr string, guarded bool) error {
	text := fmt.Sprintf("pod %s/%s, container %s: %v", t.Namespace, t.Pod, t.Container, err)
	if said := lastLine(stderr); said != "" {
		text += ": " + said
	}
	switch {
	case behind(err) && guarded:
		text += "; what it had started was told to end"
	case behind(err):
		text += "; the command may go on in the container"
	}
	return &failure{text: Mask(text), err: err}
}

// behind reports whether a command was left behind.
func behind(err error) bool {
	return salvor.Is(err, salvor.Canceled) || salvor.Is(err, salvor.DeadlineExceeded) || errors.Is(err, cluster.ErrLost)
}

// ended tells a command that was left behind, because ctx or its own time ended, from one that failed.
func ended(ctx, bounded context.Context, err error) error {
	if bounded.Err() == nil || !errors.Is(err, bounded.Err()) && !errors.Is(err, context.Cause(bounded)) {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return &salvor.Error{Code: salvor.Canceled, Err: err}
	}
	return &salvor.Error{Code: salvor.DeadlineExceeded, Err: context.Cause(bounded)}
}

// lastLine returns the last line of output that isn't empty, at most 200 bytes of it.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	s = s[strings.LastIndexByte(s, '\n')+1:]
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// first returns the first error, saying in how many more pods there was one.
func first(errs []error) error {
	errs = drop(errs)
	if len(errs) > 1 {
		return fmt.Errorf("%w (and in %d more pods)", errs[0], len(errs)-1)
	}
	return errors.Join(errs...)
}

// join puts errors into one line. The code of the whole is that of the first.
func join(errs []error) error {
	errs = drop(errs)
	if len(errs) > 1 {
		return &several{errs}
	}
	return errors.Join(errs...)
}

func drop(errs []error) []error {
	return slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
}

type several struct{ errs []error }

func (s *several) Error() string {
	text := s.errs[0].Error()
	for _, err := range s.errs[1:] {
		text += "; " + err.Error()
	}
	return text
}

func (s *several) Unwrap() []error { return s.errs }
