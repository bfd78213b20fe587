package repository

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
)

// Copy is one stored form of a segment. Nearly always there is only the first.
type Copy struct {
	Number int
	// Size is its length in bytes; -1 for one so damaged that it is lost.
	Size int64
	// Damaged says that somebody has read it and found that it is not as it was written.
	Damaged bool
	// Mark is the mark that says that nobody uses it any more, so that it may go; nil: there is none.
	Mark *archive.Garbage `json:"-"`
	// StoredAt is when it was stored, by the clock of the location; known of marked copies, and in what Each hands out.
	StoredAt time.Time `json:"-"`
}

// Inventory is what a repository holds of segments.
type Inventory struct {
	first   map[string]int64  // the size of the first copy, by digest
	others  map[string][]Copy // by digest; there are few
	damaged map[damage]bool
	marked  map[damage]*archive.Garbage
	named   map[damage]namedCopy // by marks, whether it is there or not
}

type damage struct {
	digest string
	number int
}

// Copies returns the copies of the segment by their numbers; none when it is not stored.
func (i *Inventory) Copies(digest string) []Copy {
	var copies []Copy
	if size, there := i.first[digest]; there {
		copies = append(copies, i.copy(digest, Copy{Number: 1, Size: size}))
	}
	for _, c := range i.others[digest] {
		copies = append(copies, i.copy(digest, c))
	}
	return copies
}

func (i *Inventory) copy(digest string, c Copy) Copy {
	key := damage{digest, c.Number}
	c.Damaged, c.Mark = i.damaged[key], i.marked[key]
	return c
}

// Copy returns one copy of the segment, and false when it is not there.
func (i *Inventory) Copy(digest string, number int) (Copy, bool) {
	for _, c := range i.Copies(digest) {
		if c.Number == number {
			return c, true
		}
	}
	return Copy{}, false
}

// Free returns the numbers, in ascending order, under which another copy of the segment can be stored. One that a mark names
// is not among them, even if it is gone: whoever removes what is marked may be slow, and must not meet another under its key.
func (i *Inventory) Free(digest string) []int {
	var free []int
	for number := 1; number <= MostCopies; number++ {
		_, there := i.Copy(digest, number)
		if _, named := i.named[damage{digest, number}]; !there && !named {
			free = append(free, number)
		}
	}
	return free
}

// Inventory returns what is stored of all segments: by one list of them, one of the marks of damage, and what was marked as
// unused before.
func (r *Repository) Inventory(ctx context.Context) (*Inventory, error) {
	return r.inventory(ctx, nil)
}

// inventory also hands each copy out as it is listed.
func (r *Repository) inventory(ctx context.Context, each func(digest string, c Copy)) (*Inventory, error) {
	i := &Inventory{first: map[string]int64{}, others: map[string][]Copy{}, damaged: map[damage]bool{}, marked: map[damage]*archive.Garbage{}}
	marks, err := r.Marks(ctx) // first: a segment that is used from here on is known to be marked, or is marked later
	if err != nil {
		return nil, err
	}
	i.named = namedBy(marks)
	for info, err := range r.loc.List(ctx, r.keys.Segments(), "") {
		if err != nil {
			return nil, fmt.Errorf("listing segments at %s: %w", r, err)
		}
		digest, number, ok := r.keys.ParseSegment(info.Key)
		if !ok {
			continue
		}
		c := Copy{Number: number, Size: info.Size}
		if number == 1 {
			i.first[digest] = info.Size
		} else {
			i.others[digest] = append(i.others[digest], c)
		}
		if m, ok := i.named[damage{digest, number}]; ok && m.storedAt.Equal(info.ModTime) {
			i.marked[damage{digest, number}], c.Mark = m.mark, m.mark
		}
		if each != nil {
			c.StoredAt = info.ModTime
			each(digest, c)
		}
	}
	for _, copies := range i.others {
		slices.SortFunc(copies, func(a, b Copy) int { return cmp.Compare(a.Number, b.Number) })
	}
	for info, err := range r.loc.List(ctx, r.keys.Damaged(), "") {
		if err != nil {
			return nil, fmt.Errorf("listing marks of damage at %s: %w", r, err)
		}
		if digest, number, ok := r.keys.ParseDamage(info.Key); ok {
			i.damaged[damage{digest, number}] = true
		}
	}
	return i, nil
}

// MarkDamaged notes beside the segments that all copies of one are damaged, as somebody has found who read them: the next
// backup that holds the segment does not take them for good and stores another. Conflict: another catalog owns the repository.
func (r *Repository) MarkDamaged(ctx context.Context, digest, reason, catalog string) error {
	if err := r.CheckOwner(ctx, catalog); err != nil {
		return err
	}
	mark, err := json.Marshal(struct {
		Segment string `json:"segment"`
		Reason  string `json:"reason"`
	}{digest, reason})
	if err != nil {
		return fmt.Errorf("encoding a mark of damage: %w", err)
	}
	for number := 1; number <= MostCopies; number++ {
		if _, err := r.loc.Stat(ctx, r.keys.SegmentCopy(digest, number)); errors.Is(err, location.ErrNotFound) {
			continue // what is missing is stored anew without a mark
		}
		_, err := r.loc.Put(ctx, r.keys.Damage(digest, number), location.Bytes(append(mark, '\n')))
		if err != nil && !errors.Is(err, location.ErrExists) {
			return fmt.Errorf("marking segment %s as damaged: %w", digest, err)
		}
	}
	return nil
}
