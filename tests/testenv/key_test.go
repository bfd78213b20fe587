package testenv_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor.io/salvor/tests/testenv"
)

// What is built is found again by its key, whoever's locale sorts the names of its sources: here one that sorts them
// backwards unless it is told the order of bytes.
func TestTheKeyOfABuildDoesNotDependOnTheLocale(t *testing.T) {
	want, err := testenv.Run(t.Context(), "env")
	if err != nil {
		t.Fatal(err)
	}
	shims := t.TempDir()
	shim := "#!/bin/sh\nif [ \"$LC_ALL\" = C ]; then exec /usr/bin/sort \"$@\"; fi\nexec /usr/bin/sort -r \"$@\"\n"
	if err := os.WriteFile(filepath.Join(shims, "sort"), []byte(shim), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", shims+":"+os.Getenv("PATH"))
	got, err := testenv.Run(t.Context(), "env")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("in another locale the build is\n%sinstead of\n%s", got, want)
	}
}
