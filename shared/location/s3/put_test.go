package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/locationtest"
	"salvor.io/salvor/shared/location/s3"
)

func TestLostAnswer(t *testing.T) {
	ours := location.Bytes([]byte("ours"))

	t.Run("a put that succeeded without an answer is recognised", func(t *testing.T) {
		f := &faults{fault: first(1, http.MethodPut, dropAfter)}
		s := openThrough(t, f)
		info, err := s.Put(t.Context(), "key", ours)
		if err != nil {
			t.Fatalf("Put = %v", err)
		}
		if info.Size != 4 || info.SHA256 != ours.SHA256() {
			t.Errorf("Put = %+v", info)
		}
		if f.seen() != 3 { // put, put again, head
			t.Errorf("%d requests, want 3", f.seen())
		}
		wantBytes(t, s, "key", []byte("ours"))
	})
	t.Run("the same bytes of another are not taken for ours", func(t *testing.T) {
		f := &faults{fault: first(1, http.MethodPut, dropBefore)}
		s := openThrough(t, f)
		there(t, s, "key", "ours")
		_, err := s.Put(t.Context(), "key", ours)
		wantError(t, err, location.ErrExists)
	})
	t.Run("other bytes are not taken for ours", func(t *testing.T) {
		s := openThrough(t, &faults{fault: first(1, http.MethodPut, dropBefore)})
		there(t, s, "key", "theirs")
		_, err := s.Put(t.Context(), "key", ours)
		wantError(t, err, location.ErrExists)
		wantBytes(t, s, "key", []byte("theirs"))
	})
	t.Run("a put that is answered at once asks nothing more", func(t *testing.T) {
		f := &faults{}
		s := openThrough(t, f)
		there(t, s, "key", "ours")
		_, err := s.Put(t.Context(), "key", ours)
		wantError(t, err, location.ErrExists)
		if f.seen() != 1 {
			t.Errorf("%d requests, want 1", f.seen())
		}
	})
	t.Run("what can't be found out is no success", func(t *testing.T) {
		put, head := first(1, http.MethodPut, dropAfter), first(always, http.MethodHead, answer(http.StatusForbidden, ""))
		s := openThrough(t, &faults{fault: func(n int, r *http.Request) fault {
			if f := put(n, r); f != nil {
				return f
			}
			return head(n, r)
		}})
		_, err := s.Put(t.Context(), "key", ours)
		wantError(t, err, location.ErrDenied, "can't be told")
	})
	t.Run("an answer that never comes is an error", func(t *testing.T) {
		s := openThrough(t, &faults{fault: first(always, http.MethodPut, dropBefore)})
		_, err := s.Put(t.Context(), "key", ours)
		wantError(t, err, location.ErrUnavailable, "endpoint")
	})
}

// there puts a blob into s by another location, so that s's faults don't see it.
func there(t *testing.T, s *s3.Store, key, text string) {
	t.Helper()
	client, bucket := bare(t)
	prefix := strings.TrimPrefix(s.String(), "s3://"+bucket+"/")
	other, err := s3.New(s3.Options{Client: client, Bucket: bucket, Prefix: prefix})
	if err == nil {
		_, err = other.Put(t.Context(), key, location.Bytes([]byte(text)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConflict(t *testing.T) {
	conflict := answer(http.StatusConflict, "ConditionalRequestConflict")
	t.Run("a conflict is tried again", func(t *testing.T) {
		f := &faults{fault: first(2, http.MethodPut, conflict)}
		s := openThrough(t, f)
		if _, err := s.Put(t.Context(), "key", location.Bytes([]byte("x"))); err != nil {
			t.Fatalf("Put = %v", err)
		}
		wantBytes(t, s, "key", []byte("x"))
	})
	t.Run("a conflict that another won is told", func(t *testing.T) {
		s := openThrough(t, &faults{fault: first(1, http.MethodPut, conflict)})
		there(t, s, "key", "x")
		_, err := s.Put(t.Context(), "key", location.Bytes([]byte("x")))
		wantError(t, err, location.ErrExists)
	})
	t.Run("waiting ends with the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &faults{fault: first(always, http.MethodPut, conflict), see: func(*http.Request) { cancel() }}
		_, err := openThrough(t, f).Put(ctx, "key", location.Bytes(nil))
		wantError(t, err, context.Canceled)
	})
}

// large is a body that goes up in parts: four of 16 MiB and one of a byte.
func large() []byte { return locationtest.Random(1, 64<<20+1) }

func TestParts(t *testing.T) {
	want := large()
	body := location.Bytes(want)

	t.Run("a large body is put, checked and read", func(t *testing.T) {
		f := &faults{}
		s := openThrough(t, f)
		info, err := s.Put(t.Context(), "large", body)
		if err != nil {
			t.Fatal(err)
		}
		if f.seen() != 7 || info.Size != int64(len(want)) || info.SHA256 != body.SHA256() {
			t.Errorf("Put = %+v in %d requests, want 7", info, f.seen())
		}
		wantBytes(t, s, "large", want)
		if at, err := s.Stat(t.Context(), "large"); err != nil || at.SHA256 != body.SHA256() || at.Size != info.Size {
			t.Errorf("Stat = %+v, %v", at, err)
		}
		_, err = s.Put(t.Context(), "large", body)
		wantError(t, err, location.ErrExists)
		wantNoParts(t, s)
	})
	t.Run("a changed bit is found", func(t *testing.T) {
		s := openThrough(t, &faults{fault: first(1, http.MethodGet, flipBit(40<<20))})
		if _, err := s.Put(t.Context(), "large", body); err != nil {
			t.Fatal(err)
		}
		_, err := read(t, s, "large")
		wantError(t, err, location.ErrCorrupt)
	})
	t.Run("a lost answer to the last request is recognised", func(t *testing.T) {
		posts := 0
		s := openThrough(t, &faults{fault: func(_ int, r *http.Request) fault {
			if r.Method == http.MethodPost && !r.URL.Query().Has("uploads") {
				if posts++; posts == 1 {
					return dropAfter
				}
			}
			return nil
		}})
		if _, err := s.Put(t.Context(), "large", body); err != nil {
			t.Fatalf("Put = %v", err)
		}
		wantBytes(t, s, "large", want)
	})
	t.Run("a failed part takes the others along", func(t *testing.T) {
		s := openThrough(t, &faults{fault: func(_ int, r *http.Request) fault {
			if r.URL.Query().Get("partNumber") == "3" {
				return answer(http.StatusForbidden, "AccessDenied")
			}
			return nil
		}})
		_, err := s.Put(t.Context(), "large", body)
		wantError(t, err, location.ErrDenied, "part 3 of 5")
		wantNoParts(t, s)
	})
	t.Run("a cancel takes the parts along", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := openThrough(t, &faults{see: func(r *http.Request) {
			if r.URL.Query().Get("partNumber") == "5" {
				cancel()
			}
		}})
		_, err := s.Put(ctx, "large", body)
		wantError(t, err, context.Canceled)
		wantNoParts(t, s)
	})
	t.Run("a body that is not what its digest says is refused", func(t *testing.T) {
		f := &faults{}
		s := openThrough(t, f)
		_, err := s.Put(t.Context(), "large", location.Summed(bytes.NewReader(want), body.Size(), sha256.Sum256(nil)))
		wantError(t, err, location.ErrCorrupt)
		if f.seen() != 0 {
			t.Errorf("%d requests, want none", f.seen())
		}
	})
}

// One of several large puts of a key wins.
func TestPartsRace(t *testing.T) {
	s := open(t, s3.Options{})
	want := large()
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() {
			_, err := s.Put(t.Context(), "large", location.Bytes(want))
			errs <- err
		}()
	}
	won := 0
	for range cap(errs) {
		if err := <-errs; err == nil {
			won++
		} else if !errors.Is(err, location.ErrExists) {
			t.Errorf("a losing put gives %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d puts succeeded, want 1", won)
	}
	wantBytes(t, s, "large", want)
	wantNoParts(t, s)
}

func wantNoParts(t *testing.T, s *s3.Store) {
	t.Helper()
	client, bucket := bare(t)
	prefix := strings.TrimPrefix(s.String(), "s3://"+bucket+"/")
	out, err := client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.Uploads {
		t.Errorf("parts are left of %s", aws.ToString(u.Key))
	}
}
