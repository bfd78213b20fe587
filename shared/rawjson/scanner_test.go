package rawjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/rawjson"
)

func TestScanEndsWithTheValue(t *testing.T) {
	for _, c := range []struct{ sentence, value string }{
		{"a string", `"a"`},
		{"escaped quotes and backslashes", `"\"\\\" \\"`},
		{"an escape at the end", `"a\\"`},
		{"an object with brackets in strings", `{"a}":["]",{"\"}":1}]}`},
	} {
		var s rawjson.Scanner
		if n, done := s.Scan([]byte(c.value + `,"next"`)); n != len(c.value) || !done {
			t.Errorf("%s: ends at %d, done %t, want %d", c.sentence, n, done, len(c.value))
		}
		s = rawjson.Scanner{}
		for i := range len(c.value) {
			if n, done := s.Scan([]byte(c.value[i : i+1])); n != 1 || done != (i == len(c.value)-1) {
				t.Errorf("%s, byte by byte: at %d got %d and %t", c.sentence, i, n, done)
			}
		}
	}
}

// A page of markup in a ConfigMap: the API server writes each < as an escape. It took minutes once.
func TestAMillionEscapesCostOneWalk(t *testing.T) {
	object := []byte(`{"data":{"page":"` + strings.Repeat(`\u003c`, 1<<20) + `"},"kind":"ConfigMap"}`)
	begun := time.Now()
	if got := string(rawjson.Get(object, "kind")); got != `"ConfigMap"` {
		t.Errorf("got %s", got)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("took %s; it is some milliseconds when every byte is looked at once", took)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(`{"a":"\"\\","b":[1,"]"]}`, 3)
	f.Add(`"\u003c\\"`, 1)
	f.Fuzz(func(t *testing.T, value string, cut int) {
		value = strings.TrimSpace(value)
		if !json.Valid([]byte(value)) || cut < 0 || cut >= len(value) || !strings.ContainsAny(value[:1], `{["`) {
			return
		}
		var s rawjson.Scanner
		n, done := s.Scan([]byte(value[:cut]))
		if done || n != cut {
			t.Fatalf("%q ends at %d of %d", value, n, cut)
		}
		if n, done = s.Scan([]byte(value[cut:] + ",")); !done || cut+n != len(value) {
			t.Errorf("%q in two parts at %d: ends at %d, done %t", value, cut, cut+n, done)
		}
	})
}
