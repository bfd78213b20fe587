package lookup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Catalog is what a Finder asks which backups there are, as catalog.Catalog does.
type Catalog interface {
	Search(ctx context.Context, q catalog.Query) (catalog.Page, error)
}

// Finder looks for objects in backups.
type Finder struct {
	Catalog Catalog
	// Open opens the part of a named BackupLocation that belongs to the cluster.
	Open func(ctx context.Context, location, clusterID string) (*repository.Repository, error)
}

// Search returns those of a page of a search that contain the object. A page may be short, or even empty, with more to
// come. Invalid: the query names no namespace or no date to begin with.
func (f *Finder) Search(ctx context.Context, q catalog.Query, o Object) (catalog.Page, error) {
	if q.Namespace == "" || q.From.IsZero() {
		return catalog.Page{}, salvor.Errorf(salvor.Invalid, "looking for %s/%s needs its namespace, and a date to begin with", o.Kind, o.Name).
			WithHint("every backup in between is opened")
	}
	page, err := f.Catalog.Search(ctx, q)
	if err != nil {
		return page, err
	}
	l := look{finder: f, object: o, namespace: q.Namespace, known: map[string]bool{}}
	found := catalog.Page{Next: page.Next}
	for _, b := range page.Backups {
		switch has, err := l.contains(ctx, b); {
		case err != nil:
			return catalog.Page{}, fmt.Errorf("looking into backup %s: %w", b.ID(), err)
		case has:
			found.Backups = append(found.Backups, b)
		}
	}
	return found, nil
}

// look is one search for an object.
type look struct {
	finder    *Finder
	object    Object
	namespace string
	known     map[string]bool // by segment
}

func (l *look) contains(ctx context.Context, b *salvor.Backup) (bool, error) {
	if b.Status.RootDigest == "" {
		return false, nil // it has no manifest
	}
	switch b.Status.Phase {
	case salvor.PhaseCompleted, salvor.PhasePartiallyFailed, salvor.PhaseSettling:
	default:
		return false, nil
	}
	repo, err := l.finder.Open(ctx, b.Spec.Location, b.Status.ClusterID)
	if err != nil {
		return false, err
	}
	m, err := repo.RecordedManifest(ctx, b.Name, b.Status.RootDigest)
	if err != nil {
		return false, err
	}
	for _, s := range l.object.segments(m, l.namespace) {
		if has, err := l.holds(ctx, repo, s); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// holds reports whether the segment holds the object; it is read only when its ends don't tell.
func (l *look) holds(ctx context.Context, repo *repository.Repository, s archive.Segment) (bool, error) {
	if l.object.Name == s.First || l.object.Name == s.Last {
		return true, nil
	}
	if has, known := l.known[s.Digest]; known {
		return has, nil
	}
	data, err := repo.Segment(ctx, s)
	if err != nil {
		return false, err
	}
	has := false
	plain := !strings.ContainsFunc(l.object.Name, escaped)
	for line := range bytes.Lines(data) {
		var o struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if plain && !bytes.Contains(line, []byte(l.object.Name)) {
			continue
		}
		if err := json.Unmarshal(line, &o); err != nil {
			return false, salvor.Errorf(salvor.Corrupt, "segment %s: %w", s.Digest, err)
		}
		if has = o.Metadata.Name == l.object.Name; has {
			break
		}
	}
	l.known[s.Digest] = has
	return has, nil
}

// escaped reports whether JSON may spell the character otherwise: names of roles may have such.
func escaped(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }
