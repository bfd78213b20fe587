package serve

import (
	"context"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// mostSettling is how many backups are looked at at once that wait for their snapshots.
const mostSettling = 8

// settle looks at backups whose snapshots are not ready yet, each when it is due, and notes when the next one is.
func (s *Server) settle(ctx, work context.Context) error {
	if s.Settler == nil {
		return nil
	}
	s.nextLook = time.Time{}
	q := catalog.Query{Phases: []salvor.Phase{salvor.PhaseSettling}, Limit: catalog.MaxLimit}
	return s.each(ctx, q, func(b *salvor.Backup) {
		if b.Foreign() {
			return
		}
		s.mu.Lock()
		after := s.lookAfter[b.ID()]
		s.mu.Unlock()
		at := backup.NextLook(b)
		if b.Status.CancelRequested {
			at = s.Now()
		}
		if at.Before(after) {
			at = after
		}
		if s.Now().Before(at) {
			if s.nextLook.IsZero() || at.Before(s.nextLook) {
				s.nextLook = at
			}
			return
		}
		s.startLook(work, b)
	})
}

// startLook looks in the background, unless that is going on already.
func (s *Server) startLook(work context.Context, b *salvor.Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := b.ID()
	if s.settling[id] || len(s.settling) >= mostSettling {
		return
	}
	s.settling[id] = true
	s.wait.Go(func() {
		defer s.awake() // when it is due next is to be seen
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.settling, id)
		}()
		s.look(work, b)
	})
}

func (s *Server) look(ctx context.Context, b *salvor.Backup) {
	log := s.Log.With("backup", b.Name, "cluster", b.Status.ClusterID)
	now, err := s.Settler().Settle(ctx, b.ID())
	switch {
	case salvor.Is(err, salvor.NotFound), salvor.Is(err, salvor.Conflict): // deleted meanwhile
		return
	case err != nil:
		log.Error("looking at the snapshots of a backup; it is tried again", "error", err)
		s.pauseLook(b.ID())
	case now.Status.Phase == salvor.PhaseSettling:
		log.Info("snapshots are not ready yet", "status", now.Status.Message, "until", now.Status.SettleBy.Time)
	default:
		log.Info("backup settled", "phase", now.Status.Phase, "ready", now.Status.Volumes.Ready, "failed", now.Status.Volumes.Failed)
	}
}

// pauseLook keeps a backup that can't be looked at from being looked at again at once.
func (s *Server) pauseLook(id salvor.BackupID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookAfter[id] = s.Now().Add(s.Poll)
}
