package rule_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// A line is told to go on when it has said that it runs, for as long as its action has time left.
func TestALineIsToldToGoOnWhenItRuns(t *testing.T) {
	for name, tt := range map[string]struct {
		said, stderr string
		after        time.Duration
		answer       string // none: it is not told
	}{
		"at once":             {said: rule.Here + "\nout of order\n", answer: "go 1000\n", stderr: "out of order\n"},
		"after a while":       {said: rule.Here + "\n", after: 4 * time.Second, answer: "go 600\n"},
		"behind a warning":    {said: "sh: no locale\n" + rule.Here + "\nsalv", answer: "go 1000\n", stderr: "sh: no locale\nsalv"},
		"behind half a line":  {said: "no locale: " + rule.Here + "\nx", answer: "go 1000\n", stderr: "no locale: x"},
		"when it is too late": {said: rule.Here + "\n", after: 10 * time.Second},
		"never":               {said: "salvor", stderr: "salvor"},
		"nor by another line": {said: "salvor: here it is\n", stderr: "salvor: here it is\n"},
	} {
		for piece := range 2 {
			t.Run(fmt.Sprint(name, piece), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var told string
					f := &fake{pods: []map[string]any{pod("a", "web")}, mute: true, exec: func(ctx context.Context, r cluster.ExecRequest, _ string) error {
						time.Sleep(tt.after)
						for i := 0; i < len(tt.said) && piece == 1; i++ {
							io.WriteString(r.Stderr, tt.said[i:i+1])
						}
						if piece == 0 {
							io.WriteString(r.Stderr, tt.said)
						}
						read := make(chan string, 1)
						go func() {
							line, _ := bufio.NewReader(r.Stdin).ReadString('\n')
							read <- line
						}()
						synctest.Wait()
						select {
						case told = <-read:
							if told != "" {
								return nil
							}
						default:
						}
						<-ctx.Done()
						return context.Cause(ctx)
					}}
					report, err := run(t, f, rule.PostExec, spec(sub(app("web"), salvor.Action{Shell: "x", Stdin: "first", Timeout: metav1.Duration{Duration: 10 * time.Second}})))
					if told != tt.answer || (err == nil) != (tt.answer != "") || err != nil && !salvor.Is(err, salvor.DeadlineExceeded) {
						t.Errorf("it was told %q, %v", told, err)
					}
					if p := report.SubRules[0].Actions[0].Pods[0]; p.Stderr != tt.stderr || p.StderrBytes != int64(len(tt.stderr)) {
						t.Errorf("it said %q, %d bytes", p.Stderr, p.StderrBytes)
					}
				})
			})
		}
	}
}

// A background command that was there too late, or when it had been told to end, is not begun.
func TestAHoldThatComesTooLateIsNotBegun(t *testing.T) {
	for name, tt := range map[string]struct {
		here, canceled time.Duration
		never          bool
		code           salvor.Code
		lost           bool // it has not answered when it was told to end
	}{
		"its time is over":           {here: 2 * time.Minute, canceled: time.Hour, code: salvor.DeadlineExceeded, lost: true},
		"it was told to end":         {here: 10 * time.Second, canceled: 5 * time.Second, code: salvor.Canceled},
		"it never says that it runs": {never: true, canceled: time.Hour, code: salvor.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 1)
				f := &fake{pods: []map[string]any{pod("a", "db")}, mute: true, exec: func(_ context.Context, r cluster.ExecRequest, _ string) error {
					if isPreflight(r) {
						return nil
					}
					time.Sleep(tt.here)
					if !tt.never {
						fmt.Fprintln(r.Stderr, rule.Here)
					}
					all, err := io.ReadAll(r.Stdin)
					told <- string(all)
					return fmt.Errorf("%w: %w", cluster.ErrLost, err)
				}}
				a := held("x", salvor.Background{ReadyLine: "locked"})
				a.Timeout = metav1.Duration{Duration: time.Minute}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(tt.canceled, cancel)
				e := rule.Engine{Cluster: f, Now: time.Now}
				h, err := e.Freeze(ctx, rule.Request{Spec: spec(sub(app("db"), a)), Namespaces: []string{"shop"}})
				if salvor.CodeOf(err) != tt.code {
					t.Errorf("got %v", err)
				}
				if _, err := h.End(t.Context()); (err != nil) != tt.lost {
					t.Errorf("ending it: %v", err)
				}
				if said := <-told; said != "" {
					t.Errorf("it was told %q", said)
				}
			})
		})
	}
}
