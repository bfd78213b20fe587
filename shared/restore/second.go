package restore

import (
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
)

// Rounds in a row that bring nothing before the second pass ends: what an object refers to is there after some, or
// never; a webhook, or a server behind an APIService, needs time for its pods to start.
const (
	idleRounds    = 3 // some 7 s
	patientRounds = 5 // some 30 s
)

// second tries again what was deferred, wave by wave, with growing pauses. It ends when nothing is left, when several
// rounds in a row have brought nothing, or when its time is over; then, one last time, without waiting for what need not
// be waited for.
func (r *run) second(ctx context.Context) error {
	pause := 5 * r.tuning.RetryBase
	left := r.takeLater()
	for idle, waited := 0, time.Duration(0); len(left) > 0; {
		if idle >= patience(left) || waited >= r.tuning.Second {
			if r.insist || !slices.ContainsFunc(left, deferred.soft) {
				r.giveUp(left)
				return nil
			}
			r.insist = true
		}
		r.tally.begin("trying again what failed at first")
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		waited += pause
		pause = min(2*pause, 15*time.Second)
		if err := r.refresh(ctx); err != nil {
			return err
		}
		before := len(left)
		if err := r.round(ctx, left); err != nil {
			return err
		}
		left = r.takeLater()
		if idle++; len(left) < before {
			idle = 0
		}
	}
	return nil
}

// soft reports whether the object may be brought in spite of the reason against it.
func (d deferred) soft() bool {
	var u *unanswered
	return errors.As(d.err, &u)
}

func patience(left []deferred) int {
	for _, d := range left {
		var wait *deferral
		if apierrors.IsInternalError(d.err) || errors.As(d.err, &wait) {
			return patientRounds
		}
	}
	return idleRounds
}

func (r *run) takeLater() []deferred {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.later
	r.later = nil
	return list
}

// round applies the deferred objects once more, reading their segments again.
func (r *run) round(ctx context.Context, list []deferred) error {
	again := map[*unit]*unit{}
	var units []*unit
	for _, d := range list {
		u := again[d.unit]
		if u == nil {
			u = new(unit)
			*u = *d.unit
			u.lines = map[int]bool{}
			again[d.unit] = u
			units = append(units, u)
		}
		u.lines[d.line] = true
	}
	for w := wave(0); w < waveEnd; w++ {
		var mine []*unit
		for _, u := range units {
			if u.wave == w {
				mine = append(mine, u)
			}
		}
		if err := r.pass(ctx, mine); err != nil {
			return err
		}
		if w == waveBindings {
			if err := r.replaceQueued(ctx); err != nil {
				return err
			}
		}
	}
	return r.settle(ctx, false)
}

// giveUp records what failed to the end.
func (r *run) giveUp(list []deferred) {
	for _, d := range list {
		d.out.Outcome, d.out.Reason = salvor.OutcomeFailed, reasonOf(d.out.Kind, d.err)
		r.tally.add(d.out, 1)
	}
}

// flush records what a restore that ended early has left open.
func (r *run) flush() {
	r.giveUp(r.takeLater())
	r.pending.mu.Lock()
	defer r.pending.mu.Unlock()
	for _, p := range r.pending.list {
		p.out.Reason = join(p.out.Reason, "the restore ended before its owners were set")
		r.record(p.out)
	}
	r.pending.list = nil
	r.forgetWaits()
}
