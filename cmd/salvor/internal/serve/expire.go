package serve

import (
	"context"
	"time"
)

// How often what retention lets go is deleted, besides after each run, and how often segments that nobody uses are looked for.
const (
	expireEvery  = time.Hour
	collectEvery = 24 * time.Hour
)

// expiry is when to look again; guarded by the server's mu.
type expiry struct {
	running         bool
	expire, collect time.Time
}

// expireSoon lets the next turn delete what retention lets go.
func (s *Server) expireSoon() {
	s.mu.Lock()
	s.expiry.expire = time.Time{}
	s.mu.Unlock()
	s.awake()
}

// expire deletes in the background what retention lets go, if that is due and not going on already.
func (s *Server) expire(work context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, e := s.Now(), &s.expiry
	if s.Expiry == nil || e.running || now.Before(e.expire) {
		return
	}
	collect := !now.Before(e.collect)
	e.running, e.expire = true, now.Add(expireEvery)
	if collect {
		e.collect = now.Add(collectEvery)
	}
	s.wait.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			e.running = false
		}()
		s.expireNow(work)
		if collect {
			s.collectNow(work)
		}
	})
}

func (s *Server) expireNow(ctx context.Context) {
	done, err := s.Expiry().Expire(ctx)
	for _, d := range done.Deleted {
		s.Log.Info("retention has deleted a backup", "backup", d.Backup.Name, "cluster", d.Backup.Status.ClusterID, "schedule", d.Backup.Spec.Schedule, "reason", d.Reason())
	}
	if len(done.Deleted)+done.Locked > 0 {
		s.Log.Info("retention", "deleted", len(done.Deleted), "kept", done.Kept, "locked", done.Locked)
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Error("not all that retention lets go could be deleted; it is tried again", "error", err)
	}
}

func (s *Server) collectNow(ctx context.Context) {
	p := s.Expiry()
	finished, err := p.Finish(ctx)
	for _, d := range finished.Deleted {
		s.Log.Info("a deletion that was left unfinished is done", "backup", d.Backup.Name, "cluster", d.Backup.Status.ClusterID)
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Error("a deletion could not be finished; it is tried again", "error", err)
	}
	c, err := p.Collect(ctx)
	s.Log.Info("looked for unused segments", "repositories", c.Repositories, "manifests", c.Manifests, "marked", c.Marked, "pending", c.Pending,
		"removed", c.Removed, "removed_bytes", c.RemovedBytes, "locked", c.Locked)
	if err != nil && ctx.Err() == nil {
		s.Log.Error("not all unused segments could be looked for; it is tried again", "error", err)
	}
}
