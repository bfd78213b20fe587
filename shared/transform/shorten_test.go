package transform_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/transform"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct{ sentence, raw, want string }{
		{"what an API server escapes", `{"a":"\u003cb\u003e \u0026 \u2028"}`, "{\"a\":\"<b> & \u2028\"}"},
		{"nothing to do", `{"a":"<b>"}`, `{"a":"<b>"}`},
		{"an escaped backslash before a u", `{"a":"\\u003c \\\u003c"}`, `{"a":"\\u003c \\<"}`},
		{"what JSON needs escaped", `{"a":"\u0000\u001f\u0022\u005c\n\""}`, `{"a":"\u0000\u001f\u0022\u005c\n\""}`},
		{"halves of a pair", `{"a":"\ud83e\udda6 \ud83e"}`, `{"a":"\ud83e\udda6 \ud83e"}`},
		{"capital letters", `{"a":"\u003C\u00E4"}`, `{"a":"<ä"}`},
		{"malformed escapes stay for the API server to refuse", `{"a":"\u00zz\u00`, `{"a":"\u00zz\u00`},
	} {
		if diff := cmp.Diff(c.want, string(transform.Shorten([]byte(c.raw)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.sentence, diff)
		}
	}
}

func FuzzShorten(f *testing.F) {
	f.Add(`{"a":"\u003c\\u003c\ud83e\udda6"}`)
	f.Add(`["\u0000",1e3,{"\\":"\""}]`)
	f.Fuzz(func(t *testing.T, raw string) {
		var was, is any
		if json.Unmarshal([]byte(raw), &was) != nil {
			return
		}
		short := transform.Shorten([]byte(raw))
		if err := json.Unmarshal(short, &is); err != nil {
			t.Fatalf("%q became %q: %v", raw, short, err)
		}
		if diff := cmp.Diff(was, is); diff != "" || len(short) > len(raw) {
			t.Errorf("%q became %q (-was +is):\n%s", raw, short, diff)
		}
	})
}
