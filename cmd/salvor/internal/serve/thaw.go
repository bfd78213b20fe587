package serve

import (
	"context"
	"slices"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// mostThaws is how many owed thaws are tried at once, beside the backups that run.
const mostThaws = 8

// thaw pays what backups that have ended still owe, each after its pause; what can't be paid is tried again, however long
// that takes. It notes when the next one is due.
func (s *Server) thaw(ctx, work context.Context) error {
	var owing []*salvor.Backup
	q := catalog.Query{Phases: []salvor.Phase{salvor.PhaseFailed, salvor.PhaseCanceled}, Limit: catalog.MaxLimit}
	if err := s.each(ctx, q, func(b *salvor.Backup) {
		if b.Status.Thaw != nil {
			owing = append(owing, b)
		}
	}); err != nil {
		return err
	}
	slices.SortFunc(owing, func(a, b *salvor.Backup) int { // whoever has waited longest comes first
		return backup.NextThaw(a.Status.Thaw).Compare(backup.NextThaw(b.Status.Thaw))
	})
	s.nextThaw = time.Time{}
	for _, b := range owing {
		if at := backup.NextThaw(b.Status.Thaw); s.Now().Before(at) {
			s.nextThaw = at
			return nil
		}
		s.startThaw(work, b)
	}
	return nil
}

// each calls do with every backup that the query finds.
func (s *Server) each(ctx context.Context, q catalog.Query, do func(*salvor.Backup)) error {
	for {
		page, err := s.Catalog.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, b := range page.Backups {
			do(b)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// startThaw pays in the background, unless that is going on already.
func (s *Server) startThaw(work context.Context, b *salvor.Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := b.ID()
	if s.thawing[id] || len(s.thawing) >= mostThaws {
		return
	}
	s.thawing[id] = true
	s.wait.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.thawing, id)
		}()
		s.payThaw(work, b)
	})
}

func (s *Server) payThaw(ctx context.Context, b *salvor.Backup) {
	log := s.Log.With("backup", b.Name, "cluster", b.Status.ClusterID, "since", b.Status.Thaw.Since.Time, "attempts", b.Status.Thaw.Attempts+1)
	_, err := s.Engine().PayThaw(ctx, b.ID())
	switch {
	case err == nil:
		log.Info("thawed what a backup still owed")
	case salvor.Is(err, salvor.Conflict):
		log.Info("somebody else sees to a thaw", "reason", err)
	default:
		log.Error("a thaw is still owed; it is tried again", "error", err)
	}
}
