package repository

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Verification is what re-reading a backup found.
type Verification struct {
	Backup     string `json:"backup"`
	RootDigest string `json:"rootDigest,omitempty"`
	// Segments, Objects and Bytes (uncompressed) that were read and found as written.
	Segments int   `json:"segments"`
	Objects  int64 `json:"objects"`
	Bytes    int64 `json:"bytes"`
	// Problems name what is missing or not as written; the backup is sound when there are none.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one part of a backup that cannot be trusted.
type Problem struct {
	// Part is manifest, report, reasons, or segment.
	Part      string `json:"part"`
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Digest    string `json:"digest,omitempty"`
	// Objects that cannot be restored because of it.
	Objects int64  `json:"objects,omitempty"`
	Reason  string `json:"reason"`
}

// verifyReads is how many segments are read at once.
const verifyReads = 4

// Verify reads every byte of the backup and checks it against its digests. rootDigest is the catalog's; "" trusts the
// manifest's own. progress, if set, is told how many of how many segments are done. The error is of reading, such as a
// location that cannot be reached, or NotFound: nothing of the cluster is here; what is wrong with the backup is in the
// Verification.
func (r *Repository) Verify(ctx context.Context, backup, rootDigest string, progress func(done, of int)) (*Verification, error) {
	v := &Verification{Backup: backup}
	m, root, err := r.Manifest(ctx, backup)
	if rootDigest != "" && (errors.Is(err, location.ErrNotFound) || err == nil && root != rootDigest) {
		_, err = r.RecordedManifest(ctx, backup, rootDigest)
	}
	if salvor.Is(err, salvor.Corrupt) {
		v.Problems = append(v.Problems, Problem{Part: "manifest", Reason: err.Error()})
	} else if err != nil {
		return nil, err
	}
	if m == nil {
		return v, nil
	}
	v.RootDigest = root
	for _, f := range []struct{ part, name, digest string }{{"report", m.Report, m.ReportDigest}, {"reasons", m.Reasons, m.ReasonsDigest}} {
		if f.name == "" {
			continue
		}
		_, err := r.Report(ctx, backup, f.name, f.digest)
		if salvor.Is(err, salvor.Corrupt) || errors.Is(err, location.ErrNotFound) {
			v.Problems = append(v.Problems, Problem{Part: f.part, Reason: err.Error()})
		} else if err != nil {
			return v, err
		}
	}
	return v, r.verifySegments(ctx, m, v, progress)
}

func (r *Repository) verifySegments(ctx context.Context, m *archive.Manifest, v *Verification, progress func(done, of int)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(verifyReads)
	var mu sync.Mutex
	done := 0
	for _, kind := range m.Kinds {
		for _, s := range kind.Segments {
			group.Go(func() error {
				_, err := r.Segment(ctx, s)
				if err != nil && !salvor.Is(err, salvor.Corrupt) {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				v.add(kind, s, err)
				if done++; progress != nil {
					progress(done, m.Totals.Segments)
				}
				return nil
			})
		}
	}
	return group.Wait()
}

func (v *Verification) add(kind archive.Kind, s archive.Segment, err error) {
	if err != nil {
		v.Problems = append(v.Problems, Problem{Part: "segment", Kind: kind.String(), Namespace: s.Namespace, Digest: s.Digest, Objects: s.Objects, Reason: err.Error()})
		return
	}
	v.Segments++
	v.Objects += s.Objects
	v.Bytes += s.Bytes
}
