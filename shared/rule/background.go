package rule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	// endTime is what a background command gets to end: fed takes five seconds at most.
	endTime = 15 * time.Second
)

// place is where files of a background command go in a container.
type place struct {
	// file is what the command's own files are named after; empty, if it needs none.
	file string
	// program is what stands for ${WAIT_CMD}.
	program string
}

// preflight asks each container that may get a background command whether it can have one: what it can't has to be known
// before anything is frozen.
func (r *run) preflight(ctx context.Context, choices []Choice) error {
	r.places = map[Target]place{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(r.parallel())
	var errs []error
	for i, c := range choices {
		for j, a := range r.req.Spec.SubRules[i].Actions {
			if a.Background == nil || j >= len(c.Actions) {
				continue
			}
			for _, t := range c.Actions[j] {
				group.Go(func() error {
					p, err := r.inspect(ctx, a, t)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						err = fmt.Errorf("sub-rule %q, action %q: %w", c.SubRule, a.Name, err)
					}
					errs = append(errs, err)
					r.places[t] = p
					return nil
				})
			}
		}
	}
	group.Wait()
	return first(errs)
}

// inspect finds out whether a container can have a background command, and where its files can go.
func (r *run) inspect(ctx context.Context, a salvor.Action, t Target) (place, error) {
	name := ""
	if strings.Contains(a.Shell, salvor.WaitCommand) {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d", t.UID, t.Container, a.Name, r.Now().UnixNano()))
		name = ".salvor-" + hex.EncodeToString(sum[:8])
	}
	bounded, cancel := context.WithTimeoutCause(ctx, preflightTime, fmt.Errorf("no answer within %v", preflightTime))
	defer cancel()
	var stdout, stderr tail
	req := cluster.ExecRequest{Namespace: t.Namespace, Pod: t.Pod, Container: t.Container,
		Command: []string{"/bin/sh", "-c", preflight, "/bin/sh", name}, Stdout: &stdout, Stderr: &stderr}
	err := retry(bounded, unstarted, func() error { return r.Cluster.Exec(bounded, req) })
	if err = ended(ctx, bounded, err); err != nil {
		return place{}, salvor.Errorf(salvor.Invalid, "%w", fail(t, fmt.Errorf("it can't have a background command: %w", err), stderr.text(), true)).
			WithHint("it takes /bin/sh, sleep and a process group of its own; nothing was run")
	}
	dir, how, _ := strings.Cut(strings.TrimSpace(stdout.text()), " ")
	if name == "" {
		return place{}, nil
	}
	p := place{file: dir + "/" + name}
	p.program = p.file + ".sh"
	if how != "exec" {
		p.program = "/bin/sh " + p.program
	}
	return p, nil
}
