package serve

import (
	"context"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// mostThaws is how many owed thaws are tried at once, beside the backups that run.
const mostThaws = 32

// thaw pays what backups owe that have ended or whose worker has died, each after its pause; what can't be paid is tried
// again, however long that takes. It notes when the next one is due.
func (s *Server) thaw(ctx, work context.Context) error {
	owing, err := s.Engine().Owing(ctx)
	if err != nil {
		return err
	}
	s.nextThaw = time.Time{}
	for _, b := range owing {
		if at := backup.ThawDue(b, s.Now()); s.Now().Before(at) {
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
	if _, runs := s.running[id]; runs || s.thawing[id] || len(s.thawing) >= mostThaws {
		return
	}
	s.thawing[id] = true
	s.wait.Go(func() {
		defer s.awake() // it can be taken over now
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.thawing, id)
		}()
		s.payThaw(work, b)
	})
}

func (s *Server) payThaw(ctx context.Context, b *salvor.Backup) {
	owed := b.Status.Thaw
	log := s.Log.With("backup", b.Name, "cluster", b.Status.ClusterID, "namespaces", owed.Namespaces, "since", owed.Since.Time, "attempts", owed.Attempts+1)
	if !b.Status.Phase.Done() {
		log.Warn("a backup was left unfinished while the application was frozen; thawing it", "worker", b.Status.Lease.Holder)
	}
	_, err := s.Engine().PayThaw(ctx, b.ID())
	switch {
	case err == nil:
		log.Info("thawed what a backup still owed")
	case salvor.Is(err, salvor.Conflict):
		log.Info("somebody else sees to a thaw", "reason", err)
	default:
		log.Error("ALARM: an application may be frozen; a thaw is still owed; it is tried again", "error", err,
			"do", "make the cluster and the pods reachable, or let the application go on by hand: salvor describe backup "+b.Name+" shows what the thaw runs")
	}
}
