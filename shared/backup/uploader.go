package backup

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
)

// uploads is how many segments are compressed and stored at once; each holds the bytes of one and their stored form.
const uploads = 4

// uploader stores the segments that the repository lacks.
type uploader struct {
	repository *repository.Repository
	group      *errgroup.Group
	ctx        context.Context
	encoders   sync.Pool

	mu     sync.Mutex
	stored map[string]int64 // digest → stored size; 0 while on its way

	segments atomic.Int64
	bytes    atomic.Int64
}

// newUploader asks once what the repository has.
func newUploader(ctx context.Context, r *repository.Repository) (*uploader, error) {
	stored, err := r.StoredSegments(ctx)
	if err != nil {
		return nil, err
	}
	u := &uploader{repository: r, stored: stored}
	u.group, u.ctx = errgroup.WithContext(ctx)
	u.group.SetLimit(uploads)
	return u, nil
}

// put stores the segment in the background unless it is there, and frees the data. It waits while too much is on its way.
func (u *uploader) put(s archive.Segment, data *spool) error {
	if !u.claim(s.Digest) {
		data.free()
		return nil
	}
	if err := u.ctx.Err(); err != nil {
		return context.Cause(u.ctx)
	}
	u.group.Go(func() error {
		defer data.free()
		return u.store(s.Digest, data)
	})
	return nil
}

func (u *uploader) claim(digest string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, there := u.stored[digest]; there {
		return false
	}
	u.stored[digest] = 0
	return true
}

func (u *uploader) store(digest string, data *spool) error {
	encoder, _ := u.encoders.Get().(*archive.Encoder)
	if encoder == nil {
		var err error
		if encoder, err = archive.NewEncoder(); err != nil {
			return err
		}
	}
	defer u.encoders.Put(encoder)
	encoded := &spool{} // not freed: an HTTP client may still read from it when Put has returned
	sum, err := encoder.EncodeTo(encoded, data)
	if err != nil {
		return err
	}
	size := int64(encoded.size)
	if err := u.repository.PutSegmentBody(u.ctx, digest, location.Summed(encoded, size, sum)); err != nil {
		return err
	}
	u.segments.Add(1)
	u.bytes.Add(size)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stored[digest] = size
	return nil
}

// wait returns when all is stored.
func (u *uploader) wait() error { return u.group.Wait() }

// size returns the stored size of a segment that was put.
func (u *uploader) size(digest string) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.stored[digest]
}
