package backup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Whenever a run has to stop, wherever it is: what was begun is thawed, once, and the backup says why it ended.
func TestThawRunsWheneverItHasToStop(t *testing.T) {
	stops := map[string]struct {
		stop  func(t *testing.T, b *bench, end func(error))
		code  salvor.Code
		phase salvor.Phase
	}{
		"canceled": {func(t *testing.T, b *bench, _ func(error)) {
			if _, err := backup.RequestCancel(t.Context(), b.catalog, salvor.BackupID{ClusterID: "prod", Name: "b"}); err != nil {
				t.Error(err)
			}
		}, salvor.Canceled, salvor.PhaseCanceled},
		"interrupted": {func(_ *testing.T, _ *bench, end func(error)) { end(nil) }, salvor.Canceled, salvor.PhaseCanceled},
		"near the end of its process": {func(_ *testing.T, _ *bench, end func(error)) {
			end(salvor.Errorf(salvor.Suspended, "time is up"))
		}, salvor.DeadlineExceeded, salvor.PhaseFailed},
		"for longer than maxFreeze": {func(*testing.T, *bench, func(error)) {}, salvor.DeadlineExceeded, salvor.PhaseFailed},
	}
	for why, tt := range stops {
		for _, where := range []string{"pre-exec", "cut"} {
			t.Run(why+" in "+where, func(t *testing.T) {
				f, _ := filled(1)
				b := newBench(t, f)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				wait := func(ctx context.Context) error {
					tt.stop(t, b, cancel)
					select {
					case <-ctx.Done():
						return context.Cause(ctx)
					case <-time.After(time.Minute):
						return errors.New("nobody ended it")
					}
				}
				thawed := 0
				b.rules.thaw = func(ctx context.Context, _ string, q backup.RuleRequest) error { thawed++; return ctx.Err() }
				if where == "pre-exec" {
					b.rules.freeze = func(ctx context.Context, _ string, _ backup.RuleRequest) error { return wait(ctx) }
				} else {
					b.stuck(f, wait)
				}
				want := quiesced("b", "a")
				if why == "for longer than maxFreeze" {
					want.Spec.MaxFreeze = metav1.Duration{Duration: time.Second}
				}
				begun, _, err := b.Begin(t.Context(), want)
				if err != nil {
					t.Fatal(err)
				}
				done, err := b.Run(ctx, begun.ID())
				if !salvor.Is(err, tt.code) || done.Status.Phase != tt.phase || thawed != 1 || done.Status.Thaw != nil || len(b.held(t)) > 0 {
					t.Errorf("got %v, %+v; thawed %d times", err, done, thawed)
				}
				if why == "for longer than maxFreeze" && !strings.Contains(done.Status.Message, "held for longer than maxFreeze, 1s") {
					t.Errorf("it says %q", done.Status.Message)
				}
				if len(done.Status.Freezes) != 1 || done.Status.FrozenFor.Duration <= 0 || done.Status.Freezes[0].CutAfter.Duration != 0 {
					t.Errorf("the freezes are %+v", done.Status.Freezes)
				}
			})
		}
	}
}

// stuck lets the cut hang until wait returns.
func (b *bench) stuck(f *fakeCluster, wait func(context.Context) error) {
	cut := false
	b.OnStep = func(s backup.Step) { cut = s == backup.StepCut }
	open := b.Open
	b.Open = func(ctx context.Context, of *salvor.Backup) (*backup.Site, error) {
		site, err := open(ctx, of)
		site.Cluster = &hanging{f, func(ctx context.Context) error {
			if cut {
				return wait(ctx)
			}
			return nil
		}}
		return site, err
	}
}

// hanging is a cluster that may not answer.
type hanging struct {
	*fakeCluster
	wait func(context.Context) error
}

func (h *hanging) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	if err := h.wait(ctx); err != nil {
		return cluster.ListResult{}, err
	}
	return h.fakeCluster.List(ctx, r, each)
}

// A rule that ended before maxFreeze bounds nothing that comes after: the capture may take its time.
func TestMaxFreezeIsOverWithTheThaw(t *testing.T) {
	t.Parallel() // it waits
	f, _ := filled(1)
	b := newBench(t, f)
	f.fault = func(r cluster.ListRequest, _ int) error {
		if r.Resource.Name == "configmaps" {
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	}
	want := quiesced("b", "a")
	want.Spec.MaxFreeze = metav1.Duration{Duration: 5 * time.Second}
	b.OnStep = func(s backup.Step) {
		if s == backup.StepCheck {
			time.Sleep(5100 * time.Millisecond)
		}
	}
	if done, err := b.make(t, want); err != nil || done.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("got %v, %+v", err, done)
	}
}

// A command that was to stay up until the cut and did not makes the cut worth nothing.
func TestACutThatNothingHeldIsNone(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.lost = errors.New("the background command ended before it was told to")
	done, err := b.make(t, quiesced("b", "a"))
	if err == nil || !strings.Contains(err.Error(), "the cut is worth nothing: the background command ended") || done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil {
		t.Errorf("got %v, %+v", err, done)
	}
	if !slices.Equal(b.rules.ran, []string{"pre-exec", "post-exec"}) {
		t.Errorf("%v ran", b.rules.ran)
	}
}

// partial are rules that send commands to one pod of two and fail, or die.
type partial struct {
	*fakeRules
	after func() error
	thawn []backup.RuleRequest
}

var podA, podC = salvor.PodRef{Namespace: "a", Name: "pod", UID: "1"}, salvor.PodRef{Namespace: "c", Name: "pod", UID: "2"}

func (p *partial) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	if q.After.SubRules[0].Name != "thaw" {
		return backup.Frozen{}, fmt.Errorf("the rule after the cut is %+v", q.After)
	}
	if err := q.Begin(ctx, []salvor.PodRef{podA}, []salvor.PodRef{podC}); err != nil {
		return backup.Frozen{}, err
	}
	return backup.Frozen{}, p.after()
}

func (p *partial) Thaw(_ context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	p.thawn = append(p.thawn, q)
	return backup.RuleReport{}, nil
}

// Exactly what was begun is thawed, by whoever does it.
func TestExactlyWhatWasBegunIsThawed(t *testing.T) {
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprintf("dies %v", dies), func(t *testing.T) {
			f, _ := filled(1)
			b := newBench(t, f)
			p := &partial{fakeRules: b.rules, after: func() error { b.rules.hook("failed"); return errors.New("exit code 3") }}
			b.Open = func(context.Context, *salvor.Backup) (*backup.Site, error) {
				return &backup.Site{Cluster: f, Rules: p}, nil
			}
			if dies {
				id := b.die(t, quiesced("b", "a", "c"), "failed")
				b.later(2 * time.Minute)
				if _, err := b.PayThaw(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			} else {
				b.rules.hook = func(string) {}
				if done, err := b.make(t, quiesced("b", "a", "c")); err == nil || done.Status.Thaw != nil {
					t.Fatalf("got %v, %+v", err, done)
				}
			}
			if len(p.thawn) != 1 || !slices.Equal(p.thawn[0].Begun, []salvor.PodRef{podA}) || !slices.Equal(p.thawn[0].Spared, []salvor.PodRef{podC}) {
				t.Errorf("what was thawed is %+v", p.thawn)
			}
		})
	}
}

// Nothing is thawed when nothing was begun.
func TestARuleThatIsRefusedThawsNothing(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	refuses := &refusing{b.rules}
	b.Open = func(context.Context, *salvor.Backup) (*backup.Site, error) {
		return &backup.Site{Cluster: f, Rules: refuses}, nil
	}
	done, err := b.make(t, quiesced("b", "a"))
	if !salvor.Is(err, salvor.Invalid) || done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil || len(b.held(t)) > 0 || len(b.rules.ran) > 0 {
		t.Errorf("got %v, %+v; %v ran", err, done, b.rules.ran)
	}
	if done.Status.FrozenFor.Duration != 0 || len(done.Status.Freezes) > 0 {
		t.Errorf("it was frozen for %+v", done.Status.Freezes)
	}
}

type refusing struct{ *fakeRules }

func (refusing) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, salvor.Errorf(salvor.Invalid, "no shell")
}

// An application that is gone when its thaw is paid is owed nothing, whatever the rule says of having no pods.
func TestAnApplicationThatIsGoneIsOwedNothing(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.die(t, quiesced("b", "a"), "step cut")
	b.change(t, id, func(s *salvor.BackupStatus) { s.Thaw.Rule.SubRules[0].OnNoPods = salvor.OnNoPodsFail })
	b.later(2 * time.Minute)
	b.rules.thaw = func(_ context.Context, _ string, q backup.RuleRequest) error {
		if q.Rule.SubRules[0].OnNoPods == salvor.OnNoPodsFail {
			return errors.New("its selectors choose no running pod")
		}
		return nil
	}
	if paid, err := b.PayThaw(t.Context(), id); err != nil || paid.Status.Thaw != nil {
		t.Errorf("got %v, %+v", err, paid)
	}
}

// What could not be written down was not begun, and nothing is thawed for it.
func TestWhatCanNotBeWrittenDownIsNotBegun(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	away := errors.New("the catalog is away")
	b.Catalog = &failing{Catalog: b.catalog, err: func(s *salvor.BackupStatus) error {
		if s.Thaw != nil && len(s.Thaw.Begun) > 0 {
			return away
		}
		return nil
	}}
	done, err := b.make(t, quiesced("b", "a"))
	if !errors.Is(err, away) || done.Status.Thaw != nil || len(b.rules.ran) > 0 || len(b.held(t)) > 0 {
		t.Errorf("got %v, %+v; %v ran, %v are held", err, done.Status.Thaw, b.rules.ran, b.held(t))
	}
}
