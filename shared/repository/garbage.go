package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Mark is a mark of segments that nobody uses any more, and where it lies.
type Mark struct {
	archive.Garbage
	key string
}

// Marks returns the marks of unused segments, oldest first. One that can't be read is none: nothing goes by it.
func (r *Repository) Marks(ctx context.Context) ([]*Mark, error) {
	var marks []*Mark
	for info, err := range r.loc.List(ctx, r.keys.Garbage(), "") {
		if err != nil {
			return nil, fmt.Errorf("listing marks of unused segments at %s: %w", r, err)
		}
		data, err := r.read(ctx, info.Key)
		if errors.Is(err, location.ErrNotFound) {
			continue // done with meanwhile
		}
		if err != nil && !errors.Is(err, location.ErrCorrupt) {
			return nil, fmt.Errorf("reading a mark of unused segments at %s: %w", r, err)
		}
		m := &Mark{key: info.Key}
		g, err := archive.DecodeGarbage(data)
		switch {
		case salvor.Is(err, salvor.Invalid):
			return nil, fmt.Errorf("%s at %s: %w", info.Key, r, err)
		case err == nil:
			m.Garbage = *g
			m.notBefore(info.ModTime)
		}
		marks = append(marks, m)
	}
	return marks, nil
}

// notBefore sees to it that the time until what is marked goes counts from when the mark was there for all to see.
func (m *Mark) notBefore(stored time.Time) {
	if late := stored.Sub(m.At); late > 0 {
		m.Until = m.Until.Add(late)
	}
}

// Readable reports whether the mark could be read; one that could not names nothing.
func (m *Mark) Readable() bool { return !m.At.IsZero() }

// PutMark stores a mark. Exists: there is one of that moment already.
func (r *Repository) PutMark(ctx context.Context, g *archive.Garbage) error {
	data, err := archive.EncodeGarbage(g)
	if err != nil {
		return err
	}
	if _, err := r.loc.Put(ctx, r.keys.GarbageMark(g.At), location.Bytes(data)); err != nil {
		return fmt.Errorf("marking unused segments at %s: %w", r, err)
	}
	return nil
}

// RemoveMark takes a mark away: what it names is gone, or in use.
func (r *Repository) RemoveMark(ctx context.Context, m *Mark) error {
	if err := location.Hide(ctx, r.loc, m.key); err != nil {
		return fmt.Errorf("removing a mark of unused segments at %s: %w", r, err)
	}
	return nil
}

// namedCopy is a copy as a mark names it.
type namedCopy struct {
	storedAt time.Time
	mark     *archive.Garbage
}

// namedBy are the copies that marks name; of two marks of one copy, the older counts.
func namedBy(marks []*Mark) map[damage]namedCopy {
	named := map[damage]namedCopy{}
	for _, m := range marks {
		for _, s := range m.Segments {
			key := damage{s.Digest, max(s.Copy, 1)}
			if there, ok := named[key]; !ok || !there.storedAt.Equal(s.StoredAt) {
				named[key] = namedCopy{s.StoredAt, &m.Garbage}
			}
		}
	}
	return named
}

// Each returns the inventory, and hands out every copy as it is listed.
func (r *Repository) Each(ctx context.Context, each func(digest string, c Copy)) (*Inventory, error) {
	return r.inventory(ctx, each)
}

// RemoveCopy takes a copy of a segment away, and then the mark of its damage. Whoever calls it has made sure that no
// manifest needs it.
func (r *Repository) RemoveCopy(ctx context.Context, digest string, c Copy) error {
	if err := r.loc.Delete(ctx, r.keys.SegmentCopy(digest, c.Number)); err != nil {
		return fmt.Errorf("removing segment %s at %s: %w", digest, r, err)
	}
	if !c.Damaged {
		return nil
	}
	return r.removeDamage(ctx, digest, c.Number)
}

// RemoveIdleDamage takes away the marks of damage of copies that are gone: one that is stored under the key later is sound.
func (r *Repository) RemoveIdleDamage(ctx context.Context, i *Inventory) error {
	for key := range i.damaged {
		if _, there := i.Copy(key.digest, key.number); there {
			continue
		}
		if err := r.removeDamage(ctx, key.digest, key.number); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) removeDamage(ctx context.Context, digest string, number int) error {
	if err := location.Hide(ctx, r.loc, r.keys.Damage(digest, number)); err != nil {
		return fmt.Errorf("removing the mark of damage of segment %s at %s: %w", digest, r, err)
	}
	return nil
}
