package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/locationtest"
	"salvor.io/salvor/shared/location/s3"
)

func TestBrokenRead(t *testing.T) {
	want := locationtest.Random(1, 300<<10)
	put := func(t *testing.T, f *faults) *s3.Store {
		t.Helper()
		s := openThrough(t, f)
		if _, err := s.Put(t.Context(), "key", location.Bytes(want)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("a broken connection is taken up where it broke", func(t *testing.T) {
		s := put(t, &faults{fault: first(4, http.MethodGet, cutBody(50<<10))})
		wantBytes(t, s, "key", want)
	})
	t.Run("and the range that was asked for is kept", func(t *testing.T) {
		s := put(t, &faults{fault: first(2, http.MethodGet, cutBody(10<<10))})
		r, err := s.GetRange(t.Context(), "key", 1000, 100<<10)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want[1000:1000+100<<10]) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
	t.Run("a connection that always breaks at once is an error", func(t *testing.T) {
		s := put(t, &faults{fault: first(always, http.MethodGet, cutBody(0))})
		_, err := read(t, s, "key")
		wantError(t, err, location.ErrUnavailable, "byte 0 of")
	})
	t.Run("an answer that ends early is not taken for the end", func(t *testing.T) {
		s := put(t, &faults{fault: first(3, http.MethodGet, changeBody(func(b []byte) io.Reader { return bytes.NewReader(b[:100]) }))})
		wantBytes(t, s, "key", want)
	})
	t.Run("an object that was replaced meanwhile is not spliced", func(t *testing.T) {
		var s *s3.Store
		gets := 0
		s = put(t, &faults{fault: func(_ int, r *http.Request) fault {
			if r.Method != http.MethodGet {
				return nil
			}
			if gets++; gets == 1 {
				return cutBody(1000)
			}
			overwrite(t, s, "key", locationtest.Random(2, 300<<10))
			return nil
		}})
		// A range: there is no digest that would find it out.
		r, err := s.GetRange(t.Context(), "key", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.ReadAll(r); err == nil {
			t.Error("a mixture of two objects was read")
		}
	})
}

func overwrite(t *testing.T, s *s3.Store, key string, b []byte) {
	t.Helper()
	client, bucket := bare(t)
	full := strings.TrimPrefix(s.String(), "s3://"+bucket+"/") + "/" + key
	_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &full, Body: bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCorruptRead(t *testing.T) {
	want := locationtest.Random(1, 100<<10)
	for name, at := range map[string]int{"at the start": 0, "in the middle": 50 << 10, "at the end": 100<<10 - 1} {
		t.Run("a bit changed "+name+" is found", func(t *testing.T) {
			s := openThrough(t, &faults{fault: first(1, http.MethodGet, flipBit(at))})
			if _, err := s.Put(t.Context(), "key", location.Bytes(want)); err != nil {
				t.Fatal(err)
			}
			_, err := read(t, s, "key")
			wantError(t, err, location.ErrCorrupt)
			wantBytes(t, s, "key", want)
		})
	}
	t.Run("in an object of others too, by the server's checksum", func(t *testing.T) {
		s := openThrough(t, &faults{fault: first(1, http.MethodGet, flipBit(10))})
		client, bucket := bare(t)
		_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: &bucket, Key: aws.String(strings.TrimPrefix(s.String(), "s3://"+bucket+"/") + "/key"),
			Body: bytes.NewReader(want), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = read(t, s, "key")
		wantError(t, err, location.ErrCorrupt)
		wantBytes(t, s, "key", want)
	})
	t.Run("an object that was overwritten with other bytes and the old metadata is found", func(t *testing.T) {
		s := open(t, s3.Options{})
		client, bucket := bare(t)
		_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: &bucket, Key: aws.String(strings.TrimPrefix(s.String(), "s3://"+bucket+"/") + "/key"),
			Body: strings.NewReader("forged"), Metadata: map[string]string{"salvor-sha256": location.Bytes(want).SHA256()},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = read(t, s, "key")
		wantError(t, err, location.ErrCorrupt)
	})
}
