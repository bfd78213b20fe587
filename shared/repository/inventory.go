package repository

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Copy is one stored form of a segment. Nearly always there is only the first.
type Copy struct {
	Number int
	// Size is its length in bytes; -1 for one so damaged that it is lost.
	Size int64
	// Damaged says that somebody has read it and found that it is not as it was written.
	Damaged bool
}

// Inventory is what a repository holds of segments.
type Inventory struct {
	first   map[string]int64  // the size of the first copy, by digest
	others  map[string][]Copy // by digest; there are few
	damaged map[damage]bool
}

type damage struct {
	digest string
	number int
}

// Copies returns the copies of the segment by their numbers; none when it is not stored.
func (i *Inventory) Copies(digest string) []Copy {
	var copies []Copy
	if size, there := i.first[digest]; there {
		copies = append(copies, Copy{Number: 1, Size: size, Damaged: i.damaged[damage{digest, 1}]})
	}
	for _, c := range i.others[digest] {
		c.Damaged = i.damaged[damage{digest, c.Number}]
		copies = append(copies, c)
	}
	return copies
}

// Size returns the size of one copy of the segment, and false when it is not there.
func (i *Inventory) Size(digest string, number int) (int64, bool) {
	for _, c := range i.Copies(digest) {
		if c.Number == number {
			return c.Size, true
		}
	}
	return 0, false
}

// Inventory returns what is stored of all segments, by one list of them and one of the marks of damage.
func (r *Repository) Inventory(ctx context.Context) (*Inventory, error) {
	i := &Inventory{first: map[string]int64{}, others: map[string][]Copy{}, damaged: map[damage]bool{}}
	for info, err := range r.loc.List(ctx, r.keys.Segments(), "") {
		if err != nil {
			return nil, fmt.Errorf("listing segments at %s: %w", r, err)
		}
		switch digest, number, ok := r.keys.ParseSegment(info.Key); {
		case !ok:
		case number == 1:
			i.first[digest] = info.Size
		default:
			i.others[digest] = append(i.others[digest], Copy{Number: number, Size: info.Size})
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
	owner, err := r.Owner(ctx)
	if err != nil {
		return err
	}
	if owner.Catalog != catalog {
		return salvor.Errorf(salvor.Conflict, "%s belongs to the catalog %q and is read-only for this one (%q)", r, owner.Catalog, catalog)
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
			return nil // what is missing is stored anew without a mark
		}
		_, err := r.loc.Put(ctx, r.keys.Damage(digest, number), location.Bytes(append(mark, '\n')))
		if err != nil && !errors.Is(err, location.ErrExists) {
			return fmt.Errorf("marking segment %s as damaged: %w", digest, err)
		}
	}
	return nil
}
