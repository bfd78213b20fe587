package rule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

const (
	// lifeAfter is how long a background command outlives the longest freeze.
	lifeAfter = 30 * time.Second
	// preflightTime is what a container gets to answer whether it can have a background command.
	preflightTime = 30 * time.Second
	// probePause is the time between two probes whether a background command is ready.
	probePause = 500 * time.Millisecond
	// endTime is what a background command gets to end: fed takes six seconds at most.
	endTime = 15 * time.Second
)

// place is where files of background commands can go in a container.
type place struct {
	// dir is a directory that can be written to; empty, if none is needed.
	dir string
	// how programs there are run: exec, or sh where only a shell can read them.
	how string
}

// waitFile is the file for a WAIT_CMD of its own, and program what stands for that.
func (p place) waitFile(t Target, n int, now time.Time) (file, program string) {
	file = p.dir + "/" + waitName(t, n, now)
	if program = file + ".sh"; p.how != "exec" {
		program = "/bin/sh " + program
	}
	return file, program
}

// waitName is a name that nobody else uses.
func waitName(t Target, n int, now time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%d", t.UID, t.Container, n, now.UnixNano()))
	return ".salvor-" + hex.EncodeToString(sum[:8])
}

// preflight asks each container whether it can run what it is to run, before the cut and after it: what it can't has to be
// known before anything is frozen.
func (r *run) preflight(ctx context.Context, before, after []Choice) error {
	r.places = map[Target]place{}
	var group errgroup.Group
	group.SetLimit(r.parallel())
	var mu sync.Mutex
	var errs []error
	ask := func(where string, do func() error) {
		group.Go(func() error {
			if err := do(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s: %w", where, err))
			}
			return nil
		})
	}
	asked, files := map[Target]bool{}, map[Target]bool{}
	for w := range wanted(r.req.Spec, before) {
		files[w.target] = files[w.target] || strings.Contains(w.action.Shell, salvor.WaitCommand)
	}
	for w := range wanted(r.req.Spec, before) {
		if w.action.Background == nil || asked[w.target] {
			continue
		}
		asked[w.target] = true
		ask(w.where, func() error {
			p, err := r.inspect(ctx, w.target, files[w.target])
			mu.Lock()
			defer mu.Unlock()
			r.places[w.target] = p
			return err
		})
	}
	shells := func(prefix string, spec salvor.RuleSpec, choices []Choice) {
		for w := range wanted(spec, choices) {
			if w.action.Shell != "" && w.action.OnError != salvor.OnErrorContinue && !asked[w.target] {
				asked[w.target] = true
				ask(prefix+w.where, func() error { return r.hasShell(ctx, w.target) })
			}
		}
	}
	shells("", r.req.Spec, before)
	shells("after the cut, ", r.req.After, after)
	group.Wait()
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return first(errs)
}

// want is an action and a container that it may run in.
type want struct {
	where  string
	action salvor.Action
	target Target
}

// wanted are the actions of a rule in the containers that were chosen for them.
func wanted(spec salvor.RuleSpec, choices []Choice) iter.Seq[want] {
	return func(yield func(want) bool) {
		for i, c := range choices {
			for j, targets := range c.Actions {
				a := spec.SubRules[i].Actions[j]
				for _, t := range targets {
					if !yield(want{fmt.Sprintf("sub-rule %q, action %q", c.SubRule, a.Name), a, t}) {
						return
					}
				}
			}
		}
	}
}

// hasShell finds out whether a container has what a shell line takes.
func (r *run) hasShell(ctx context.Context, t Target) error {
	said, err := r.tryOut(ctx, t, []string{"/bin/sh", "-c", ":"})
	if err != nil {
		return salvor.Errorf(salvor.Invalid, "%w", fail(t, fmt.Errorf("it can't run a shell line: %w", err), said, true)).
			WithHint("it takes /bin/sh; an image without one needs command: with a program that it has. Nothing was run")
	}
	return nil
}

// tryOut runs a command that changes nothing, and returns what it said.
func (r *run) tryOut(ctx context.Context, t Target, command []string) (said string, err error) {
	bounded, cancel := context.WithTimeoutCause(ctx, preflightTime, fmt.Errorf("no answer within %v", preflightTime))
	defer cancel()
	var stdout, stderr tail
	req := cluster.ExecRequest{Namespace: t.Namespace, Pod: t.Pod, Container: t.Container, Command: command, Stdout: &stdout, Stderr: &stderr}
	err = retry(bounded, unstarted, func() error { return r.Cluster.Exec(bounded, req) })
	if err = ended(ctx, bounded, err); err != nil {
		return stderr.text(), err
	}
	return stdout.text(), nil
}

// inspect finds out whether a container can have background commands, and, if they need files, where these can go.
func (r *run) inspect(ctx context.Context, t Target, files bool) (place, error) {
	name := ""
	if files {
		name = waitName(t, -1, r.Now())
	}
	said, err := r.tryOut(ctx, t, []string{"/bin/sh", "-c", preflight, "/bin/sh", name})
	if err != nil {
		return place{}, salvor.Errorf(salvor.Invalid, "%w", fail(t, fmt.Errorf("it can't have a background command: %w", err), said, true)).
			WithHint("it takes /bin/sh, sleep and a process group of its own; nothing was run")
	}
	dir, how, _ := strings.Cut(strings.TrimSpace(said), " ")
	return place{dir: dir, how: how}, nil
}
