package backup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// uploads is how many segments are compressed and stored at once; each holds the bytes of one and their stored form.
const uploads = 4

// uploader stores the segments that the repository lacks. A copy that is there is taken for good when its size is the one
// that an earlier manifest names, and nobody has marked it as damaged; any other is read and checked before it is relied on.
// One that is marked as unused may go at any time, and is taken for absent.
type uploader struct {
	repository *repository.Repository
	inventory  *repository.Inventory
	earlier    *earlier
	group      *errgroup.Group
	ctx        context.Context // of what is on its way
	ended      context.Context // of the run: nothing new is begun when it has ended
	encoders   sync.Pool

	mu       sync.Mutex
	claimed  map[string]repository.Copy // by digest; with size 0 while on its way
	replaced []string                   // digests of which every copy was damaged

	segments atomic.Int64
	bytes    atomic.Int64
}

// newUploader asks once what the repository has.
func (r *run) newUploader(ctx context.Context) (*uploader, error) {
	inventory, err := r.site.Repository.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	u := &uploader{repository: r.site.Repository, inventory: inventory, earlier: newEarlier(r), claimed: map[string]repository.Copy{}}
	u.ended = ctx
	u.group, u.ctx = errgroup.WithContext(outliving(ctx))
	u.group.SetLimit(uploads)
	return u, nil
}

// lastUploads is how long what is on its way may still take when the run has to end.
const lastUploads = 20 * time.Second

// outliving is ctx, with a while more.
func outliving(ctx context.Context) context.Context {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(lastUploads, func() { cancel(context.Cause(ctx)) }) })
	return longer
}

// put sees to it, in the background where that takes time, that the segment is stored, and frees the data. It waits while
// too much is on its way.
func (u *uploader) put(s archive.Segment, data *spool) error {
	if !u.claim(s.Digest) || u.known(s) {
		data.free()
		return nil
	}
	for _, ctx := range []context.Context{u.ended, u.ctx} {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	u.group.Go(func() error {
		defer data.free()
		return u.settle(s, data)
	})
	return nil
}

// claim reports whether the segment is met for the first time.
func (u *uploader) claim(digest string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, met := u.claimed[digest]; met {
		return false
	}
	u.claimed[digest] = repository.Copy{}
	return true
}

// known reports whether a copy is there that needs no look.
func (u *uploader) known(s archive.Segment) bool {
	copies := u.inventory.Copies(s.Digest)
	if len(copies) == 0 {
		return false
	}
	size := u.earlier.size(u.ctx, s)
	for _, c := range copies {
		if !c.Damaged && c.Mark == nil && size > 0 && c.Size == size {
			u.take(s.Digest, c)
			return true
		}
	}
	return false
}

func (u *uploader) take(digest string, c repository.Copy) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.claimed[digest] = c
}

// settle reads the copies that are there, and stores another when none of them is sound.
func (u *uploader) settle(s archive.Segment, data *spool) error {
	damaged := false
	for _, c := range u.inventory.Copies(s.Digest) {
		if c.Mark != nil {
			continue
		}
		sound, err := u.sound(s, c.Number)
		if err != nil {
			return err
		}
		if sound && c.Size > 0 {
			u.take(s.Digest, c)
			return nil
		}
		damaged = true
	}
	if damaged {
		u.mu.Lock()
		u.replaced = append(u.replaced, s.Digest)
		u.mu.Unlock()
	}
	return u.store(s, u.inventory.Free(s.Digest), data)
}

// sound reads a copy of the segment and reports whether it is as it was written.
func (u *uploader) sound(s archive.Segment, number int) (bool, error) {
	_, err := u.repository.SegmentCopy(u.ctx, s, number)
	if salvor.Is(err, salvor.Corrupt) {
		return false, nil
	}
	return err == nil, err
}

// store compresses the segment and stores it under the first of the numbers, or under the next when another worker was first
// with one that is damaged.
func (u *uploader) store(s archive.Segment, numbers []int, data *spool) error {
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
	for _, number := range numbers {
		done, err := u.repository.PutSegmentCopy(u.ctx, s.Digest, number, location.Summed(encoded, size, sum))
		if err != nil {
			return err
		}
		if done {
			u.segments.Add(1)
			u.bytes.Add(size)
			u.take(s.Digest, repository.Copy{Number: number, Size: size})
			return nil
		}
		if sound, err := u.sound(s, number); err != nil || sound {
			return u.takeOther(s.Digest, number, err)
		}
	}
	return salvor.Errorf(salvor.Corrupt, "segment %s at %s: every one of its %d copies is damaged or about to be removed", s.Digest, u.repository, repository.MostCopies).
		WithHint("something destroys what is stored there: salvor verify says which backups have lost what; or wait for what is unused to be gone")
}

// takeOther takes a copy that another worker has stored meanwhile.
func (u *uploader) takeOther(digest string, number int, err error) error {
	if err != nil {
		return err
	}
	size, err := u.repository.SegmentSize(u.ctx, digest, number)
	u.take(digest, repository.Copy{Number: number, Size: size})
	return err
}

// wait returns when all is stored.
func (u *uploader) wait() error { return u.group.Wait() }

// copyOf returns the copy of a segment that was put.
func (u *uploader) copyOf(digest string) repository.Copy {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.claimed[digest]
}

// warnings names what was found damaged.
func (u *uploader) warnings() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []string
	for _, digest := range u.replaced {
		all = append(all, fmt.Sprintf("segment %s, stored by an earlier backup, was damaged; it was stored once more, and is read from there by every backup that holds it", digest))
	}
	return all
}
