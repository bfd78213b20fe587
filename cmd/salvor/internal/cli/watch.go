package cli

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// backupWatch shows what a backup engine does; the engine tells it from several goroutines.
type backupWatch struct {
	p   *progress
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	step     backup.Step
	phase    salvor.Phase
	captured time.Time // when capturing began
	done     salvor.Progress
}

func (a *app) watchBackup(e *backup.Engine, p *progress, name string) {
	w := &backupWatch{p: p, now: a.sys.Now, log: a.log.With("backup", name)}
	e.OnStep = w.onStep
	e.Progress = w.onProgress
}

func (w *backupWatch) onStep(s backup.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step = s
	w.log.Info("step", "step", s)
	if s == backup.StepCapture {
		w.captured = w.now()
	}
	w.show()
}

func (w *backupWatch) onProgress(s salvor.BackupStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done, w.phase = s.Progress, s.Phase
	w.show()
}

func (w *backupWatch) show() {
	d := w.done
	if d.Kinds == 0 {
		w.p.show(0, 0, w.doing())
		return
	}
	rate := float64(d.Bytes) / max(w.now().Sub(w.captured).Seconds(), 0.001)
	w.p.show(int64(d.KindsDone), int64(d.Kinds), fmt.Sprintf("%s, %d of %s, %s, %s, %s/s",
		w.step, d.KindsDone, count(d.Kinds, "kind"), count(d.Objects, "object"), size(d.Bytes), size(int64(rate))))
}

// doing is what a backup does that captures nothing yet. One that holds its application, or may soon, is Quiescing.
func (w *backupWatch) doing() string {
	if w.step == backup.StepPreExec && w.phase == salvor.PhasePending {
		return string(w.step) + ", waits until no other backup holds its namespaces"
	}
	return string(w.step)
}
