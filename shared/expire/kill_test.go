package expire_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

func directory(t *testing.T) location.Location {
	t.Helper()
	disk, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return disk
}

func bucket(t *testing.T) location.Location {
	t.Helper()
	server := testenv.S3(t)
	b, err := s3.New(s3.Options{Bucket: server.Bucket, Prefix: testenv.Unique(), Endpoint: server.Endpoint, Config: aws.Config{
		Region: server.Region, Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// killed runs a pass that is killed after n operations, and reports whether it came to its end before that.
func (w *world) killed(n int, lost bool) (finished bool) {
	w.t.Helper()
	f := &fuse{left: n, lost: lost}
	p := w.pass()
	repo := repository.New(fusedLocation{w.loc, f}, "prod")
	p.Catalog = fusedCatalog{w.catalog, f}
	p.Open = func(context.Context, string, string) (*repository.Repository, error) { return repo, nil }
	_, err1 := p.Expire(w.t.Context())
	_, err2 := p.Collect(w.t.Context())
	for _, err := range []error{err1, err2} {
		if err != nil && !strings.Contains(err.Error(), errKilled.Error()) {
			w.t.Fatalf("a pass that is killed after %d operations fails by itself: %v", n, err)
		}
	}
	return err1 == nil && err2 == nil
}

// lives notes since when each stored segment has been unused, and fails for one that has been for too long.
type lives struct {
	*world
	unused map[string]time.Time // by key
}

// longest is what an unused segment may last: until it is old enough to be marked, until the next pass marks it, its grace,
// and until the next pass that is not killed.
const longest = 12*time.Hour + 24*time.Hour + 2*most

// most is the time between two whole passes.
const most = 8 * time.Hour

func (l *lives) look(when string) {
	l.t.Helper()
	used, now := l.used(), l.now()
	there := map[string]time.Time{}
	for _, key := range l.keys("prod/segments/") {
		digest, _, ok := l.repo.Keys().ParseSegment(key)
		if !ok {
			l.t.Fatalf("%s is no segment", key)
		}
		if used[digest] {
			continue
		}
		since, known := l.unused[key]
		if !known {
			since = now
		}
		if lasted := now.Sub(since); lasted > longest {
			l.t.Fatalf("%s: %s has been unused for %s", when, key, lasted)
		}
		there[key] = since
	}
	l.unused = there
}

// A pass is killed at each of its steps in turn, and beside each other: while it is in the middle of backups that use old
// segments. Whatever happens, what is there can be read, and what nobody uses goes in time.
func TestAPassThatIsKilledAnywhereHarmsNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		open   func(*testing.T) location.Location
		rounds int
	}{"dir": {directory, 50}, "s3": {bucket, 25}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.open(t), salvor.Retention{Last: 2})
			l := &lives{world: w, unused: map[string]time.Time{}}
			n, removed := 1, 0
			for round := range tt.rounds {
				w.shuffle()
				schedule := []string{"nightly", "single"}[w.random.IntN(2)]
				b, err := w.back(schedule, func(backup.Step) {
					if w.random.IntN(3) > 0 {
						return
					}
					w.wait(time.Duration(w.random.IntN(30)) * time.Minute) // all steps together: less than the longest backup
					if w.killed(n, w.random.IntN(2) == 0) {
						n = 0
					}
					n++
				})
				if err != nil {
					t.Fatalf("round %d: a backup that takes no longer than it may fails beside a pass: %+v, %v", round, b, err)
				}
				w.sound(fmt.Sprintf("round %d", round))
				l.look(fmt.Sprintf("round %d", round))
				w.wait(most/4 + time.Duration(w.random.IntN(int(most/4/time.Minute)))*time.Minute)
				if round%2 == 1 {
					_, c := w.full()
					removed += c.Removed
				}
				w.sound(fmt.Sprintf("round %d, after the pass", round))
				l.look(fmt.Sprintf("round %d, after the pass", round))
			}
			if removed == 0 {
				t.Error("no segment was ever removed by a whole pass")
			}
			t.Logf("%d rounds, %d whole passes removed %d segments", tt.rounds, tt.rounds/2, removed)
			w.wait(most)
			w.full() // marks
			w.wait(12 * time.Hour)
			w.full()
			w.wait(24 * time.Hour)
			w.full()
			used := w.used()
			for _, key := range w.keys("prod/segments/") {
				if digest, _, _ := w.repo.Keys().ParseSegment(key); !used[digest] {
					t.Errorf("%s is unused and was not removed", key)
				}
			}
			w.wait(2 * time.Hour)
			w.full()
			if marks := w.keys("prod/garbage/"); len(marks) > 0 {
				t.Errorf("marks are left: %v", marks)
			}
		})
	}
}
