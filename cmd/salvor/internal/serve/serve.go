// Package serve keeps a home running: it fires schedules, finishes what other processes left unfinished, pays the thaws
// that are still owed, looks after snapshots that are not ready yet, and deletes what retention lets go.
//
// Each turn it looks at the catalog anew, so that it needs no memory of its own: a run is called after its scheduled
// time, and whoever fires it second finds the first.
package serve

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/salvor"
)

// How often the catalog is looked at, how many backups run at once, and how long they may still run when the server ends.
const (
	DefaultPoll     = 15 * time.Second
	DefaultParallel = 2
	DefaultGrace    = 30 * time.Second
)

// Server serves one home.
type Server struct {
	Catalog catalog.Catalog
	// Engine makes an engine for one run.
	Engine func() *backup.Engine
	// Settler makes what looks after the snapshots of backups.
	Settler func() *backup.Settler
	// Now is the clock, Log where it says what it does, RequestedBy who started it.
	Now         func() time.Time
	Log         *slog.Logger
	RequestedBy string
	// Restore does a restore that is recorded, Delete removes a backup that is Deleting; both are asked for over the API.
	Restore func(ctx context.Context, name string) error
	Delete  func(ctx context.Context, id salvor.BackupID) error
	// Expiry makes the pass that deletes what retention lets go; nil: nothing is deleted.
	Expiry func() *expire.Pass
	// Poll is how often the catalog is looked at. Default DefaultPoll.
	Poll time.Duration
	// Parallel is how many backups run at once. Default DefaultParallel.
	Parallel int
	// Grace is how long running backups get to end by themselves when the server ends. Default DefaultGrace.
	Grace time.Duration

	mu      sync.Mutex
	running map[salvor.BackupID]bool
	next    map[string]time.Time // of each schedule, as last logged
	thawing map[salvor.BackupID]bool
	// settling are the backups whose snapshots are being looked at; those of lookAfter are not before that time.
	settling  map[salvor.BackupID]bool
	lookAfter map[salvor.BackupID]time.Time
	// restoring are the restores that this server does.
	restoring    map[string]bool
	nextRestores time.Time
	wait         sync.WaitGroup

	asked    asked
	wakeOnce sync.Once
	wake     chan struct{}

	nextThaw  time.Time // when the next owed thaw is due; zero for none
	nextStart time.Time // when the next backup that waits may begin; zero for none
	nextLook  time.Time // when the next look at snapshots is due; zero for none

	expiry expiry
}

// Run serves until ctx ends. Backups that run then get Grace to end; the rest are canceled, which thaws first.
func (s *Server) Run(ctx context.Context) error {
	s.setDefaults()
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.Log.Info("serving", "poll", s.Poll, "parallel", s.Parallel, "pid", os.Getpid())
	for {
		s.turn(ctx, work)
		select {
		case <-ctx.Done():
			return s.drain(cancel)
		case <-s.wakeUp():
		case <-time.After(s.pause()):
		}
	}
}

func (s *Server) setDefaults() {
	if s.Poll <= 0 {
		s.Poll = DefaultPoll
	}
	if s.Parallel <= 0 {
		s.Parallel = DefaultParallel
	}
	if s.Grace <= 0 {
		s.Grace = DefaultGrace
	}
	s.running, s.next, s.thawing = map[salvor.BackupID]bool{}, map[string]time.Time{}, map[salvor.BackupID]bool{}
	s.settling, s.lookAfter = map[salvor.BackupID]bool{}, map[salvor.BackupID]time.Time{}
	s.restoring = map[string]bool{}
}

// turn does all that is due. What goes wrong is logged, and tried again at the next turn.
func (s *Server) turn(ctx, work context.Context) {
	s.nextStart = time.Time{}
	if err := s.thaw(ctx, work); err != nil && ctx.Err() == nil {
		s.Log.Error("looking for owed thaws", "error", err)
	}
	if err := s.fire(ctx); err != nil && ctx.Err() == nil {
		s.Log.Error("looking for schedules", "error", err)
	}
	s.answer(work)
	if err := s.resume(ctx, work); err != nil && ctx.Err() == nil {
		s.Log.Error("looking for unfinished backups", "error", err)
	}
	if err := s.resumeRestores(ctx, work); err != nil && ctx.Err() == nil {
		s.Log.Error("looking for unfinished restores", "error", err)
	}
	if err := s.settle(ctx, work); err != nil && ctx.Err() == nil {
		s.Log.Error("looking for snapshots that are not ready", "error", err)
	}
	s.expire(work)
}

// pause is the time until the next turn: sooner when a schedule, a thaw or a look is due before.
func (s *Server) pause() time.Duration {
	pause, now := s.Poll, s.Now()
	for _, at := range append(slices.Collect(maps.Values(s.next)), s.nextThaw, s.nextStart, s.nextLook) {
		if d := at.Sub(now); d > 0 && d < pause {
			pause = d
		}
	}
	return pause
}

// drain waits for the backups that run, and cancels them after the grace.
func (s *Server) drain(cancel context.CancelFunc) error {
	s.Log.Info("stopping", "running", s.count(), "grace", s.Grace)
	done := make(chan struct{})
	go func() {
		s.wait.Wait()
		close(done)
	}()
	timer := time.NewTimer(s.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.Log.Warn("canceling what still runs", "running", s.count())
		cancel()
		<-done
	}
	s.Log.Info("stopped")
	return nil
}

func (s *Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}

// start runs the backup in the background, unless it runs or is thawed already or enough others run; then a later turn does.
func (s *Server) start(work context.Context, id salvor.BackupID, after func(*salvor.Backup)) (started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, runs := s.running[id]; runs || s.thawing[id] || len(s.running) >= s.Parallel {
		return false
	}
	s.running[id] = true
	s.wait.Go(func() {
		defer s.awake() // there is room for another one
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.running, id)
		}()
		s.run(work, id, after)
	})
	return true
}

func (s *Server) run(ctx context.Context, id salvor.BackupID, after func(*salvor.Backup)) {
	log := s.Log.With("backup", id.Name, "cluster", id.ClusterID)
	log.Info("backup begins")
	b, err := s.Engine().Run(ctx, id)
	switch {
	case b == nil && salvor.Is(err, salvor.Conflict): // of several servers of a home, each fires a run
		log.Info("another process works on the backup, or has ended it", "why", err)
	case err != nil:
		log.Error("backup did not succeed", "error", err)
	}
	if b == nil {
		return
	}
	p := b.Status.Progress
	log.Info("backup ended", "phase", b.Status.Phase, "objects", p.Objects, "uploaded", p.BytesUploaded, "failures", len(b.Status.Failures),
		"frozen", b.Status.FrozenFor.Duration)
	if after != nil {
		after(b)
	}
}

// resume takes over backups whose worker has died. What one owes is thawed first, which thaw sees to.
func (s *Server) resume(ctx, work context.Context) error {
	q := catalog.Query{Phases: []salvor.Phase{salvor.PhasePending, salvor.PhaseQuiescing, salvor.PhaseCapturing}, Limit: catalog.MaxLimit}
	return s.each(ctx, q, func(b *salvor.Backup) {
		if b.Status.Thaw != nil || !backup.Released(b) && !backup.Abandoned(b, s.Now()) || s.worksOn(b.ID()) || !s.ready(ctx, b) {
			return
		}
		if why := backup.Hopeless(b, s.Now()); why != "" {
			s.giveUp(ctx, work, b, why)
			return
		}
		if s.start(work, b.ID(), s.afterRun(b)) {
			s.Log.Warn("taking over a backup that was left unfinished", "backup", b.Name, "cluster", b.Status.ClusterID, "worker", b.Status.Lease.Holder)
		}
	})
}

// worksOn reports whether this server runs or thaws the backup.
func (s *Server) worksOn(id salvor.BackupID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, runs := s.running[id]
	return runs || s.thawing[id]
}

// giveUp records as Failed a backup that would only freeze its application for nothing once more.
func (s *Server) giveUp(ctx, work context.Context, b *salvor.Backup, why string) {
	log := s.Log.With("backup", b.Name, "cluster", b.Status.ClusterID, "reason", why)
	b, err := backup.GiveUp(ctx, s.Catalog, b.ID(), b.Status.Lease.Epoch, s.Now(), why)
	if err != nil {
		log.Warn("an unfinished backup could not be given up; it is tried again", "error", err)
		return
	}
	log.Error("an unfinished backup is given up")
	s.wait.Go(func() { s.tidy(work, b) })
}

// tidy removes what was cut for a backup that ended while nobody worked on it.
func (s *Server) tidy(ctx context.Context, b *salvor.Backup) {
	if err := s.Engine().Tidy(ctx, b); err != nil {
		s.Log.Error("snapshots stay in the cluster; salvor volumes orphans finds them", "error", err)
	}
}
