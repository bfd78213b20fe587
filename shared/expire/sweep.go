package expire

import (
	"context"
	"errors"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// sweep removes what was marked long enough ago and is not used, and then the marks that have done their duty.
func (c *collection) sweep(ctx context.Context) error {
	for _, s := range c.due {
		if c.used[s.digest] && !c.replaced(s) {
			continue
		}
		if late := c.pass.Now().Sub(c.began); late > sweepTime {
			return salvor.Errorf(salvor.Unavailable, "stopped after %s, for manifests may have come since; the next pass goes on", late)
		}
		err := c.repo.RemoveCopy(ctx, s.digest, s.Copy)
		if errors.Is(err, location.ErrLocked) {
			c.done.Locked++
			continue
		}
		if err != nil {
			return err
		}
		c.done.Removed++
		c.done.RemovedBytes += max(s.Size, 0)
	}
	if err := c.repo.RemoveIdleDamage(ctx, c.inventory); err != nil {
		return err
	}
	for _, m := range c.marks {
		if m.Readable() && c.began.Before(m.Until.Add(quarantine)) {
			continue
		}
		if err := c.repo.RemoveMark(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// replaced reports whether there is another copy of a segment that is used: one that a backup stored because this one was
// marked, so that all may read that one from now on.
func (c *collection) replaced(s stored) bool {
	for _, other := range c.inventory.Copies(s.digest) {
		if other.Number != s.Number && other.Mark == nil && !other.Damaged && other.Size > 0 {
			return true
		}
	}
	return false
}
