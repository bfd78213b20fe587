package salvor_test

import (
	"testing"

	"salvor.io/salvor/shared/salvor"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 objects", 1: "1 object", 2: "2 objects"} {
		if got := salvor.Count(n, "object"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
