package backup_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// locations are one of each sort.
func locations(t *testing.T) map[string]location.Location {
	t.Helper()
	disk, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	server := testenv.S3(t)
	bucket, err := s3.New(s3.Options{Bucket: server.Bucket, Prefix: testenv.Unique(), Endpoint: server.Endpoint, Config: aws.Config{
		Region: server.Region, Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]location.Location{"dir": disk, "s3": bucket}
}

// damage changes a blob behind the location's back.
func damage(t *testing.T, loc location.Location, key string, change func([]byte) []byte) {
	t.Helper()
	body, _, err := loc.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	body.Close()
	if err == nil {
		err = loc.Delete(t.Context(), key)
	}
	if err == nil {
		_, err = loc.Put(t.Context(), key, location.Bytes(change(data)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func half(data []byte) []byte    { return data[:len(data)/2] }
func none([]byte) []byte         { return nil }
func flipped(data []byte) []byte { data[len(data)/2] ^= 1; return data }

// segmentOf is the segment of the ConfigMaps of namespace a.
func (b *bench) segmentOf(t *testing.T, name string) archive.Segment {
	t.Helper()
	m, _, err := b.repo.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range m.Kinds {
		for _, s := range k.Segments {
			if k.String() == "configmaps" && s.Namespace == "a" {
				return s
			}
		}
	}
	t.Fatalf("backup %s holds no such segment", name)
	return archive.Segment{}
}

func (b *bench) wantSound(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, err := b.repo.Verify(t.Context(), name, "", nil); err != nil || len(v.Problems) > 0 {
			t.Errorf("backup %s: %+v, %v", name, v, err)
		}
	}
}

// What was damaged since the last backup is not relied on: it is stored once more, and the backups before are whole again.
func TestADamagedSegmentIsNotReused(t *testing.T) {
	for where, loc := range locations(t) {
		for name, tt := range map[string]struct {
			change func([]byte) []byte
			marked bool // a verification found it
			orphan bool // no manifest tells its size
		}{
			"truncated": {change: half}, "empty": {change: none},
			"a flipped bit that verify found":   {change: flipped, marked: true},
			"a flipped bit in what a run left":  {change: flipped, orphan: true},
			"truncated, and verify found it":    {change: half, marked: true},
			"truncated, of what a run has left": {change: half, orphan: true},
		} {
			t.Run(where+": "+name, func(t *testing.T) {
				f, _ := filled(20)
				b := newBench(t, f)
				b.repo = repository.New(loc, "c"+testenv.Unique())
				if _, err := b.make(t, quiesced("b1", "a", "c")); err != nil {
					t.Fatal(err)
				}
				segment := b.segmentOf(t, "b1")
				damage(t, loc, b.repo.Keys().Segment(segment.Digest), tt.change)
				if tt.marked {
					if err := b.repo.MarkDamaged(t.Context(), segment.Digest, "found by a test", "cat"); err != nil {
						t.Fatal(err)
					}
				}
				if tt.orphan {
					if err := b.repo.Remove(t.Context(), "b1", "cat"); err != nil {
						t.Fatal(err)
					}
				}
				done, err := b.make(t, quiesced("b2", "a", "c"))
				if err != nil || done.Status.Phase != salvor.PhaseCompleted || done.Status.Progress.SegmentsUploaded != 1 {
					t.Fatalf("the next backup: %+v, %v", done, err)
				}
				if w := strings.Join(done.Status.Warnings, "\n"); !strings.Contains(w, segment.Digest) {
					t.Errorf("it does not say what was damaged: %q", w)
				}
				b.wantSound(t, "b2")
				if !tt.orphan {
					b.wantSound(t, "b1")
				}
				again, err := b.make(t, quiesced("b3", "a", "c"))
				if err != nil || again.Status.Progress.SegmentsUploaded != 0 {
					t.Errorf("the one after stores it anew: %+v, %v", again, err)
				}
				b.wantSound(t, "b3")
			})
		}
	}
}

// A damaged copy is damaged like any other.
func TestACopyThatIsDamagedIsNotReused(t *testing.T) {
	for where, loc := range locations(t) {
		t.Run(where, func(t *testing.T) {
			f, _ := filled(20)
			b := newBench(t, f)
			b.repo = repository.New(loc, "c"+testenv.Unique())
			for n := 1; n <= 4; n++ {
				name := fmt.Sprintf("b%d", n)
				if _, err := b.make(t, quiesced(name, "a")); err != nil {
					t.Fatal(err)
				}
				b.wantSound(t, name)
				damage(t, loc, b.repo.Keys().SegmentCopy(b.segmentOf(t, name).Digest, n), half)
			}
			if v, err := b.repo.Verify(t.Context(), "b1", "", nil); err != nil || len(v.Problems) != 1 {
				t.Errorf("with every copy damaged: %+v, %v", v, err)
			}
		})
	}
}

// A backup in which nothing has changed reads one manifest, and no segment, however many there are.
func TestRequestsOfARepeat(t *testing.T) {
	requests := func(namespaceCount int) location.Counts {
		var names []string
		for i := range namespaceCount {
			names = append(names, fmt.Sprintf("ns-%03d", i))
		}
		f := newFake(names...)
		for _, ns := range names {
			f.add(configMaps, ns, "c", ns)
		}
		b := newBench(t, f)
		disk, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
		if err != nil {
			t.Fatal(err)
		}
		counter := location.Count(disk)
		b.repo = repository.New(counter, "prod")
		if _, err := b.make(t, quiesced("b1", "*")); err != nil {
			t.Fatal(err)
		}
		before := counter.Counts()
		done, err := b.make(t, quiesced("b2", "*"))
		if err != nil || done.Status.Progress.SegmentsUploaded > 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		return counter.Counts().Sub(before)
	}
	few, many := requests(2), requests(60)
	if few.Requests() != many.Requests() || many.Requests() > 14 {
		t.Errorf("of 2 segments %+v, of 60 %+v", few, many)
	}
}

// unreachable is a location that doesn't answer for keys with that end.
type unreachable struct {
	location.Location
	end string
}

func (u unreachable) Get(ctx context.Context, key string) (io.ReadCloser, location.Info, error) {
	if strings.HasSuffix(key, u.end) {
		return nil, location.Info{}, salvor.Errorf(salvor.Unavailable, "no answer")
	}
	return u.Location.Get(ctx, key)
}

// What can't be read at the moment is not called damaged.
func TestVerifyTellsTroubleFromDamage(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"report.json", ".zst", "manifest.json"} {
		repo := repository.New(unreachable{b.loc, end}, "prod")
		if v, err := repo.Verify(t.Context(), "b", done.Status.RootDigest, nil); !salvor.Is(err, salvor.Unavailable) {
			t.Errorf("%s: got %+v, %v, want an error", end, v, err)
		}
	}
}
