package salvor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

func TestErrorSaysWhatHappenedAndWhatToDo(t *testing.T) {
	for want, err := range map[string]error{
		"reading manifest: file does not exist":                 salvor.Errorf(salvor.NotFound, "reading manifest: %w", fs.ErrNotExist),
		"no backup b; list them with salvor backups":            salvor.Errorf(salvor.NotFound, "no backup %s", "b").WithHint("list them with %s", "salvor backups"),
		"opening catalog: file does not exist; run salvor init": &salvor.Error{Code: salvor.NotFound, Message: "opening catalog", Hint: "run salvor init", Err: fs.ErrNotExist},
		"stopped": &salvor.Error{Code: salvor.Canceled, Message: "stopped"},
	} {
		if err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
	}
}

func TestCodeOfTheOutermostError(t *testing.T) {
	inner := salvor.Errorf(salvor.Gone, "revision 5: %w", fs.ErrNotExist)
	for _, c := range []struct {
		why  string
		err  error
		want salvor.Code
	}{
		{"no error has no code", nil, ""},
		{"an error of somebody else is internal", errors.New("x"), salvor.Internal},
		{"an error keeps its code when wrapped", fmt.Errorf("listing: %w", inner), salvor.Gone},
		{"the outermost code counts", salvor.Errorf(salvor.Unavailable, "listing: %w", inner), salvor.Unavailable},
		{"an error among joined ones is found", errors.Join(errors.New("x"), inner), salvor.Gone},
	} {
		if got := salvor.CodeOf(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
		if c.err != nil && !salvor.Is(c.err, c.want) {
			t.Errorf("%s: Is does not see it", c.why)
		}
	}
	if salvor.Is(nil, "") {
		t.Error("no error passes for one")
	}
	if !errors.Is(inner.WithHint("x"), fs.ErrNotExist) {
		t.Error("a hint hides the cause")
	}
}
