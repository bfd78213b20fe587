package backup_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// rehearsal is a backup without location, as salvor rule test asks for.
func rehearsal(ns ...string) *salvor.Backup {
	b := quiesced("r", ns...)
	b.Spec.Location = ""
	return b
}

func TestARehearsalLeavesNothingBehind(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	out, err := b.Rehearse(t.Context(), rehearsal("a", "c"))
	if err != nil || !slices.Equal(out.Namespaces, []string{"a", "c"}) || len(out.Rules) != 2 || len(out.Freezes) != 1 || out.Freezes[0].ThawedAfter.Duration <= 0 {
		t.Fatalf("got %v, %+v", err, out)
	}
	if !slices.Equal(b.rules.ran, []string{"pre-exec", "post-exec"}) {
		t.Errorf("%v ran", b.rules.ran)
	}
	if _, err := b.catalog.GetBackup(t.Context(), out.Record.ID()); !salvor.Is(err, salvor.NotFound) || len(b.held(t)) > 0 {
		t.Errorf("its record: %v; held: %v", err, b.held(t))
	}
}

func TestARehearsalThawsWhatItFroze(t *testing.T) {
	for name, c := range map[string]struct {
		failed string
		cancel bool
	}{"a failed pre-exec rule": {"pre-exec", false}, "an interrupt": {"", true}} {
		t.Run(name, func(t *testing.T) {
			f, _ := filled(1)
			b := newBench(t, f)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b.rules.fail[c.failed] = errors.New("exit code 1")
			b.rules.hook = func(phase string) {
				if c.cancel && phase == "pre-exec" {
					cancel()
				}
			}
			out, err := b.Rehearse(ctx, rehearsal("a"))
			if err == nil || salvor.Is(err, salvor.Canceled) != c.cancel || b.rules.count("post-exec") != 1 || len(b.held(t)) > 0 {
				t.Errorf("got %v, %+v; %v ran", err, out, b.rules.ran)
			}
			if _, err := b.catalog.GetBackup(t.Context(), out.Record.ID()); !salvor.Is(err, salvor.NotFound) {
				t.Errorf("its record: %v", err)
			}
		})
	}
}

func TestAThawThatARehearsalOwesIsPaid(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.fail["post-exec"] = errors.New("exit code 1")
	out, err := b.Rehearse(t.Context(), rehearsal("a"))
	if err == nil || out.Record.Status.Phase != salvor.PhaseFailed || !slices.Equal(b.owe(t), []string{"r"}) {
		t.Fatalf("got %v, %+v", err, out.Record)
	}
	b.rules.fail = nil
	paid, err := b.PayThaw(t.Context(), out.Record.ID())
	if err != nil || paid.Status.Thaw != nil || len(b.held(t)) > 0 {
		t.Fatalf("got %v, %+v", err, paid)
	}
	r := backup.Remover{Now: b.Now, CatalogID: "cat"}
	if err := backup.Delete(t.Context(), b.catalog, paid.ID(), r); err != nil {
		t.Errorf("it can't be deleted: %v", err)
	}
}

// Whoever takes over from a process that died thaws, and makes no backup of it.
func TestARehearsalWhoseProcessDiedIsThawedAndNoMore(t *testing.T) {
	for at, paid := range map[string]int{"step pre-exec": 0, "pre-exec": 1, "step cut": 1, "step post-exec": 1} {
		for _, by := range []string{"PayThaw", "Run"} {
			t.Run(at+", "+by, func(t *testing.T) {
				f, _ := filled(1)
				b := newBench(t, f)
				dying := *b.Engine
				dying.Holder, dying.Tuning.Beat = "dead", time.Hour
				kill := func(here string) {
					if here == at {
						runtime.Goexit()
					}
				}
				b.rules.hook = kill
				dying.OnStep = func(s backup.Step) { kill("step " + string(s)) }
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, _ = dying.Rehearse(t.Context(), rehearsal("a"))
				}()
				<-done
				b.rules.hook, b.rules.ran = nil, nil
				b.later(2 * time.Minute)
				id := salvor.BackupID{ClusterID: "prod", Name: "r"}
				var ended *salvor.Backup
				var err error
				if by == "PayThaw" && paid > 0 {
					ended, err = b.PayThaw(t.Context(), id)
				} else {
					ended, err = b.Run(t.Context(), id)
					if salvor.Is(err, salvor.Canceled) {
						err = nil
					}
				}
				if err != nil || ended.Status.Phase != salvor.PhaseCanceled || ended.Status.Thaw != nil {
					t.Fatalf("got %v, %+v", err, ended)
				}
				if got := strings.Join(b.rules.ran, " "); got != strings.Repeat("post-exec", paid) {
					t.Errorf("then %q ran", got)
				}
			})
		}
	}
}
