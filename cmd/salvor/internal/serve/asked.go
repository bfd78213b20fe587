package serve

import (
	"context"
	"slices"

	"salvor.io/salvor/shared/salvor"
)

// asked is work that somebody asked for over the API.
type asked struct {
	backups  []salvor.BackupID
	restores []string
}

// WorkOnBackup lets the server make, or delete, a backup that is recorded, as soon as there is room. It does not wait.
func (s *Server) WorkOnBackup(ctx context.Context, b *salvor.Backup) error {
	defer s.awake()
	return s.enqueue(ctx, b)
}

// enqueue is WorkOnBackup by the next answer, without waking the server for it.
func (s *Server) enqueue(_ context.Context, b *salvor.Backup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.asked.backups, b.ID()) {
		s.asked.backups = append(s.asked.backups, b.ID())
	}
	return nil
}

// WorkOnRestore lets the server do a restore that is recorded. It does not wait.
func (s *Server) WorkOnRestore(_ context.Context, r *salvor.Restore) error {
	defer s.awake()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked.restores = append(s.asked.restores, r.Name)
	return nil
}

// awake ends a pause.
func (s *Server) awake() {
	select {
	case s.wakeUp() <- struct{}{}:
	default: // it is awake
	}
}

// wakeUp is the channel that ends a pause.
func (s *Server) wakeUp() chan struct{} {
	s.wakeOnce.Do(func() { s.wake = make(chan struct{}, 1) })
	return s.wake
}

// answer begins what was asked for; what there is no room for stays asked.
func (s *Server) answer(work context.Context) {
	s.mu.Lock()
	todo := s.asked
	s.asked = asked{}
	s.mu.Unlock()
	for _, id := range todo.backups {
		b, err := s.Catalog.GetBackup(work, id)
		switch {
		case err != nil:
			s.Log.Error("looking for a backup that was asked for", "backup", id.Name, "error", err)
		case b.Status.Phase == salvor.PhaseDeleting:
			s.wait.Go(func() { s.do("deleting", id.Name, s.Delete(work, id)) })
		case b.Status.Phase == salvor.PhaseCanceled:
			s.wait.Go(func() { s.tidy(work, b) })
		case b.Status.Phase == salvor.PhaseSettling: // this turn looks at it
		case !b.Status.Phase.Done() && !s.worksOn(id) && (!s.ready(work, b) || !s.start(work, id, s.afterRun(b))):
			s.mu.Lock()
			s.asked.backups = append(s.asked.backups, id) // the next turn finds it
			s.mu.Unlock()
		}
	}
	for _, name := range todo.restores {
		s.restore(work, name)
	}
}

// do logs how a piece of work ended.
func (s *Server) do(what, name string, err error) {
	if err != nil {
		s.Log.Error(what, "name", name, "error", err)
		return
	}
	s.Log.Info(what+" done", "name", name)
}
