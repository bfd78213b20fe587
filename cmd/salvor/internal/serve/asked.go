package serve

import (
	"context"

	"salvor.io/salvor/shared/salvor"
)

// asked is work that somebody asked for over the API.
type asked struct {
	backups  []salvor.BackupID
	restores []string
}

// WorkOnBackup lets the server make, or delete, a backup that is recorded, as soon as there is room. It does not wait.
func (s *Server) WorkOnBackup(_ context.Context, b *salvor.Backup) error {
	s.ask(func(a *asked) { a.backups = append(a.backups, b.ID()) })
	return nil
}

// WorkOnRestore lets the server do a restore that is recorded. It does not wait.
func (s *Server) WorkOnRestore(_ context.Context, r *salvor.Restore) error {
	s.ask(func(a *asked) { a.restores = append(a.restores, r.Name) })
	return nil
}

func (s *Server) ask(add func(*asked)) {
	s.mu.Lock()
	add(&s.asked)
	s.mu.Unlock()
	s.awake()
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
		case !b.Status.Phase.Done() && !s.start(work, id, b.Spec.Schedule, nil):
			s.mu.Lock()
			s.asked.backups = append(s.asked.backups, id) // the next turn finds it
			s.mu.Unlock()
		}
	}
	for _, name := range todo.restores {
		s.wait.Go(func() { s.do("restoring", name, s.Restore(work, name)) })
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
