package location_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"salvor.io/salvor/shared/location"
)

func TestBody(t *testing.T) {
	const text = "hello, world"
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	spooled, err := location.ReaderAt(strings.NewReader(text+" and more"), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]location.Body{
		"bytes":  location.Bytes([]byte(text)),
		"spool":  spooled,
		"summed": location.Summed(strings.NewReader(text), int64(len(text)), sha256.Sum256([]byte(text))),
	}
	for name, body := range bodies {
		if body.SHA256() != want || body.Size() != int64(len(text)) {
			t.Errorf("%s: %d bytes with SHA-256 %s, want %d with %s", name, body.Size(), body.SHA256(), len(text), want)
		}
		for range 2 {
			if err := iotest.TestReader(body.Reader(), []byte(text)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := iotest.TestReader(body.Section(7, 100), []byte("world")); err != nil {
			t.Errorf("%s: a section past the end: %v", name, err)
		}
	}
	if _, err := location.ReaderAt(strings.NewReader(text), 100); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a spool that is too short gives %v", err)
	}
}

func TestZeroBody(t *testing.T) {
	var zero location.Body
	if b, err := io.ReadAll(zero.Reader()); err != nil || len(b) != 0 {
		t.Errorf("it reads as %q, %v", b, err)
	}
	if want := location.Bytes(nil).SHA256(); zero.SHA256() != want || zero.Size() != 0 {
		t.Errorf("it has %d bytes with SHA-256 %s, want none with %s", zero.Size(), zero.SHA256(), want)
	}
}

func TestVerify(t *testing.T) {
	digest := location.Bytes([]byte("hello")).SHA256()
	for text, want := range map[string]error{"hello": nil, "hellO": location.ErrCorrupt, "hell": location.ErrCorrupt, "": location.ErrCorrupt, "hello!": location.ErrCorrupt} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := io.ReadAll(location.Verify(io.NopCloser(r), digest))
			if !errors.Is(err, want) || string(got) != text {
				t.Errorf("%q is read as %q, %v, want %v", text, got, err, want)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(location.Verify(io.NopCloser(iotest.ErrReader(broken)), digest)); !errors.Is(err, broken) {
		t.Errorf("a reader that breaks gives %v", err)
	}
}
