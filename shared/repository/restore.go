package repository

import (
	"context"
	"errors"
	"fmt"
	"io"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// PutRestoreReport stores the outcomes of a restore into this cluster, compressed by archive.Encoder, and returns their
// key. Nothing is overwritten: a restore that was done twice has a report of each, the later ones under name/2, name/3, ….
func (r *Repository) PutRestoreReport(ctx context.Context, restore string, stored []byte) (key string, err error) {
	name := restore
	for n := 2; ; n++ {
		key = r.keys.RestoreReport(name)
		err := r.putOnce(ctx, key, stored)
		if err == nil {
			return key, nil
		}
		if !salvor.Is(err, salvor.Exists) {
			return "", fmt.Errorf("storing report of restore %q: %w", restore, err)
		}
		name = fmt.Sprintf("%s/%d", restore, n)
	}
}

// RestoreReport opens the report under the key, which a Restore's status names: one salvor.ObjectOutcome a line, as
// JSON. Corrupt: it is not as it was written; NotFound (location.ErrNotFound).
func (r *Repository) RestoreReport(ctx context.Context, key string) (io.ReadCloser, error) {
	stored, err := r.read(ctx, key)
	if errors.Is(err, location.ErrNotFound) {
		return nil, salvor.Errorf(salvor.NotFound, "there is no report at %s/%s", r.loc, key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading report %s: %w", key, err)
	}
	reader, err := archive.Open(stored)
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", key, err)
	}
	return reader, nil
}
