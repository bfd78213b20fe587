package repository

import (
	"context"
	"fmt"

	"salvor.io/salvor/shared/archive"
)

// PutEvent stores an event of the backup. Storing the same one twice stores it once.
func (r *Repository) PutEvent(ctx context.Context, backup string, e archive.Event) error {
	data, err := e.Encode()
	if err != nil {
		return err
	}
	if err := r.putOnce(ctx, r.keys.Event(backup, e.ID), data); err != nil {
		return fmt.Errorf("storing event %s of backup %q: %w", e.ID, backup, err)
	}
	return nil
}

// Events returns the events of the backup, in their order. Corrupt: one is not as it was written.
func (r *Repository) Events(ctx context.Context, backup string) ([]archive.Event, error) {
	var events []archive.Event
	for info, err := range r.loc.List(ctx, r.keys.Events(backup), "") {
		if err != nil {
			return nil, fmt.Errorf("listing events of backup %q: %w", backup, err)
		}
		data, err := r.read(ctx, info.Key)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", info.Key, err)
		}
		e, err := archive.DecodeEvent(data)
		if err != nil {
			return nil, fmt.Errorf("%s at %s: %w", info.Key, r.loc, err)
		}
		events = append(events, *e)
	}
	return events, nil
}
