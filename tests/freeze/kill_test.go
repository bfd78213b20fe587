// Package freeze_test kills backups while they hold an application, and counts in the log that the application keeps
// itself whether it was let go on.
package freeze_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

const (
	// points is at how many random points between the first command and the thaw a backup is killed.
	points = 50
	// lanes is how many applications that is tried with at once.
	lanes = 14
	// atMost is how long after its death the watchdog may take: the lease, and a minute.
	atMost = lease + time.Second + time.Minute
)

// round is one backup that is to be killed, at a step or so far into the freeze.
type round struct {
	name   string
	killAt backup.Step
	part   float64 // of the time between the first command and the record of the thaw
}

// Whenever the process of a backup dies, a watchdog that is another process lets the application go on, and no thaw that
// was recorded is run again.
func TestKilledWhileFrozen(t *testing.T) {
	w := newWorld(t)
	var rounds []round
	for _, step := range backup.Steps() {
		rounds = append(rounds, round{name: "at-" + string(step), killAt: step})
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range points {
		rounds = append(rounds, round{name: fmt.Sprintf("random-%d", i), part: random.Float64()})
	}
	applications := make([]*application, lanes)
	for i := range applications {
		applications[i] = w.application(t)
	}
	next := make(chan round)
	var mu sync.Mutex
	killed, slowest := 0, time.Duration(0)
	var group sync.WaitGroup
	for _, a := range applications {
		group.Go(func() {
			freeze := a.whole(t)
			for r := range next {
				for try := 0; ; try++ {
					died, took := a.killedIn(t, r, try, freeze)
					if died {
						mu.Lock()
						killed, slowest = killed+1, max(slowest, took)
						mu.Unlock()
						break
					}
					freeze = freeze * 9 / 10 // aim better: it is over sooner than thought
				}
			}
		})
	}
	for _, r := range rounds {
		next <- r
	}
	close(next)
	group.Wait()
	t.Logf("seed %d: %d backups were killed; the slowest thaw came %s after, of %s at most", seed, killed, slowest.Round(time.Millisecond), atMost)
	if killed != len(rounds) {
		t.Errorf("%d of %d backups were killed", killed, len(rounds))
	}
}

// whole makes a backup that nobody kills, and returns how long it held the application.
func (a *application) whole(t *testing.T) time.Duration {
	eventually(t, time.Minute, "the application runs", func() bool { _, err := a.read(t.Context()); return err == nil })
	killed, held := a.work(t, "whole-"+a.namespace, "", 0)
	if got, want := a.log(t), []string{"F", "F2", "B", "E", "T"}; killed || !slices.Equal(got, want) {
		t.Errorf("a backup that nobody kills does %v, want %v", got, want)
	}
	return held
}

// killedIn makes a backup that is killed, and checks that it is thawed in time and then done by whoever takes it up.
func (a *application) killedIn(t *testing.T, r round, try int, freeze time.Duration) (killed bool, took time.Duration) {
	name := fmt.Sprintf("%s-%d", r.name, try)
	before := len(a.log(t))
	after := time.Duration(0)
	if r.killAt == "" {
		after = 1 + time.Duration(r.part*float64(freeze))
	}
	if killed, _ = a.work(t, name, string(r.killAt), after); !killed {
		if r.killAt != "" && r.killAt != backup.StepCheckpoint {
			t.Errorf("%s: the step never began", name)
		}
		return r.killAt == backup.StepCheckpoint, 0 // only a process that has to end notes how far it is
	}
	died := time.Now()
	id := salvor.BackupID{ClusterID: "here", Name: name}
	b, err := a.catalog.GetBackup(t.Context(), id)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return true, 0
	}
	then := a.log(t)[before:]
	recorded := b.Status.Thaw == nil && slices.Contains(then, "T")
	eventually(t, atMost, name+" is thawed", func() bool { return !frozen(a.log(t)[before:]) && !a.owes(t, id) })
	took = time.Since(died)
	// One that no worker has taken yet is left to whoever recorded it for a minute.
	eventually(t, 2*time.Minute, name+" is done", func() bool {
		b, err = a.catalog.GetBackup(t.Context(), id)
		return err == nil && b.Status.Phase.Done()
	})
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("%s ended %s: %s", name, b.Status.Phase, b.Status.Message)
	}
	a.check(t, name, a.log(t)[before:], len(then), recorded)
	return true, took
}

func (a *application) owes(t *testing.T, id salvor.BackupID) bool {
	b, err := a.catalog.GetBackup(t.Context(), id)
	return err != nil || b.Status.Thaw != nil
}

// frozen reports whether the application is held at the end of the log.
func frozen(log []string) bool {
	held := false
	for _, word := range log {
		held = word != "T" && (held || word == "F")
	}
	return held
}

// check goes through what was done to the application for one backup: of what was done first, the first killed words
// are by the worker that was killed.
func (a *application) check(t *testing.T, name string, log []string, byKilled int, recorded bool) {
	t.Helper()
	held, locked, lockedAt := false, false, 0
	for i, word := range log {
		switch word {
		case "F":
			if held || locked {
				t.Errorf("%s: frozen while it was: %v", name, log)
			}
			held = true
		case "F2", "B":
			if !held {
				t.Errorf("%s: %s while it was not frozen: %v", name, word, log)
			}
			if word == "B" {
				locked, lockedAt = true, i
			}
		case "E":
			locked = false
		case "T": // a lock whose worker was killed ends by itself, be it a moment later
			if locked && lockedAt > byKilled {
				t.Errorf("%s: thawed while the lock was held: %v", name, log)
			}
			if i == byKilled && recorded {
				t.Errorf("%s: a thaw that was recorded is run again: %v", name, log)
			}
			held = false
		}
	}
	if held || locked {
		t.Errorf("%s: it is still held: %v", name, log)
	}
}
