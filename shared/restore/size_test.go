package restore_test

import (
	"strings"
	"testing"

	"salvor.io/salvor/shared/restore"
)

func TestFitting(t *testing.T) {
	for _, c := range []struct {
		sentence, body string
		size           int // 0: refused
	}{
		{"what fits is sent as it is, so that it costs nothing", `{"a":"\u003c"}`, 14},
		{"what an API server escaped is written as it came", `{"a":"` + strings.Repeat(`\u003c`, 1<<20) + `"}`, 1<<20 + 8},
		{"what JSON needs escaped can't be shorter", `{"a":"` + strings.Repeat(`\u0001`, 1<<20) + `"}`, 0},
	} {
		body, err := restore.Fitting([]byte(c.body))
		if len(body) != c.size || (err == nil) != (c.size > 0) {
			t.Errorf("%s: got %d bytes and %v, want %d", c.sentence, len(body), err, c.size)
		}
	}
}
