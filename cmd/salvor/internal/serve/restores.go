package serve

import (
	"context"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// restoresPause is how often it is looked for restores that were left unfinished: each look reads all of them.
const restoresPause = time.Minute

// restore does a restore in the background, unless this server does it already.
func (s *Server) restore(work context.Context, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.restoring[name] {
		return false
	}
	s.restoring[name] = true
	s.wait.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.restoring, name)
		}()
		s.do("restoring", name, s.Restore(work, name))
	})
	return true
}

// resumeRestores takes over restores whose worker has died: one may have left workloads scaled down.
func (s *Server) resumeRestores(ctx, work context.Context) error {
	if s.Restore == nil || s.Now().Before(s.nextRestores) {
		return nil
	}
	s.nextRestores = s.Now().Add(restoresPause)
	for token := ""; ; {
		list, next, err := s.Catalog.List(ctx, salvor.KindRestore, token, catalog.MaxLimit)
		if err != nil {
			return err
		}
		for _, o := range list {
			r := o.(*salvor.Restore)
			if restore.Abandoned(r, s.Now()) && s.restore(work, r.Name) {
				s.Log.Warn("taking over a restore that was left unfinished", "restore", r.Name, "worker", r.Status.Lease.Holder)
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}
