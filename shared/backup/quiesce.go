package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// The phases a rule runs in, as reports name them.
const (
	preExec  = "pre-exec"
	postExec = "post-exec"
)

// mostGroups is how many namespaces are frozen at once when each is by itself.
const mostGroups = 8

// group is what is frozen, cut and let go on together.
type group struct {
	*run
	namespaces []string
	pre, post  salvor.RuleSpec
	// freezes are those of its namespaces, while it holds them.
	freezes []*salvor.Freeze

	mu sync.Mutex
	// began is when the first command was sent; begun says that there was one.
	began time.Time
	begun bool
	// cutAt is when the cut was made.
	cutAt time.Time
	// sent are the pods that commands were sent to, spared those that were chosen and got none.
	sent, spared []salvor.PodRef
	// watch ends the context of the freeze when it takes too long.
	watch *time.Timer
}

// cutQuiesced runs the pre-exec rule, notes the capture revision and runs the post-exec rule, whatever went wrong before.
func (r *run) cutQuiesced(ctx context.Context) (revision string, err error) {
	pre, err := r.rule(ctx, r.spec.PreExecRule)
	if err != nil {
		return "", missing(err, "spec.preExecRule", "rule", r.spec.PreExecRule)
	}
	post, err := r.rule(ctx, r.spec.PostExecRule)
	if err != nil {
		return "", missing(err, "spec.postExecRule", "rule", r.spec.PostExecRule)
	}
	if err := noBackground(post); err != nil {
		return "", err
	}
	r.step(StepPreExec)
	if !r.spec.Freezes() || r.spec.RuleScope != salvor.RuleScopeNamespace {
		return r.newGroup(r.namespaces, pre, post).cutHeld(ctx, r.step)
	}
	if err := r.cutEach(ctx, pre, post); err != nil {
		return "", err
	}
	r.step(StepCut)
	all, none := func(string) bool { return true }, func(string) bool { return false }
	if err := r.cutVolumes(ctx, all, none, time.Time{}); err != nil { // of namespaces that no rule ran in
		return "", err
	}
	return r.cut(ctx)
}

// apart notes a namespace that was cut by itself.
func (r *run) apart(e archive.Exception) {
	if r.revisions == nil {
		r.revisions = map[string]string{}
	}
	r.revisions[e.Namespace] = e.Revision
	r.groups = append(r.groups, e)
	r.manifest.Exceptions = append(r.manifest.Exceptions, e)
}

func (r *run) newGroup(namespaces []string, pre, post salvor.RuleSpec) *group {
	return &group{run: r, namespaces: namespaces, pre: pre, post: post}
}

// cutEach freezes, cuts and lets go on each namespace by itself. When one fails, no other is begun.
func (r *run) cutEach(ctx context.Context, pre, post salvor.RuleSpec) error {
	groups, ctx := errgroup.WithContext(ctx)
	groups.SetLimit(mostGroups)
	for _, ns := range r.namespaces {
		groups.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			g := r.newGroup([]string{ns}, pre, post)
			revision, err := g.cutHeld(ctx, func(Step) {})
			if err != nil {
				return fmt.Errorf("namespace %s: %w", ns, err)
			}
			r.resultMu.Lock()
			defer r.resultMu.Unlock()
			r.apart(archive.Exception{Kind: "*", Namespace: ns, Revision: revision,
				Reason: fmt.Sprintf("spec.ruleScope is Namespace: it was frozen and cut by itself, at %s", r.Now().UTC().Format(time.RFC3339))})
			return nil
		})
	}
	return groups.Wait()
}

// cutHeld holds the group's applications while it is cut.
func (g *group) cutHeld(ctx context.Context, step func(Step)) (revision string, err error) {
	if err := g.take(ctx); err != nil {
		return "", err
	}
	held, release := context.WithCancelCause(ctx)
	defer release(nil)
	frozen, err := g.freeze(held, release)
	if err == nil {
		step(StepCut)
		revision, err = g.cutWhile(held, frozen)
	}
	g.stopWatch()
	if err != nil && held.Err() != nil && ctx.Err() == nil {
		err = context.Cause(held)
	}
	step(StepPostExec)
	return revision, errors.Join(err, g.letGo(ctx, frozen, err))
}

// freeze runs the pre-exec rule. From its first command on, held ends when the freeze takes too long.
func (g *group) freeze(held context.Context, release context.CancelCauseFunc) (Frozen, error) {
	if !g.spec.Freezes() {
		return Frozen{}, nil
	}
	request := g.request(g.pre, g.namespaces)
	request.After, request.GoOn = g.post, g.record.confirm
	request.Begin = func(ctx context.Context, begun, spared []salvor.PodRef) error {
		if err := g.note(ctx, begun, spared); err != nil {
			return err
		}
		g.startWatch(release)
		return nil
	}
	frozen, err := g.site.Rules.Freeze(held, request)
	if err != nil {
		err = fmt.Errorf("%s rule: %w", preExec, err)
	}
	return frozen, err
}

// cutWhile cuts, and makes sure that the applications were held all the while.
func (g *group) cutWhile(held context.Context, frozen Frozen) (string, error) {
	var revision string
	var err error
	if g.spec.RuleScope == salvor.RuleScopeNamespace && g.spec.Freezes() {
		revision, err = g.newestRevision(held)
	} else {
		revision, err = g.cut(held)
	}
	if err == nil {
		err = g.cutVolumes(held)
	}
	if err == nil && frozen.Failed != nil {
		g.notHeld(frozen.Failed())
	}
	if err == nil && held.Err() != nil {
		err = context.Cause(held)
	}
	if err == nil && frozen.Lost != nil {
		if lost := frozen.Lost(); lost != nil {
			err = fmt.Errorf("the cut is worth nothing: %w", lost)
		}
	}
	if err == nil { // whoever took over may have let the application go on
		err = g.record.confirm(held)
	}
	if err == nil {
		g.cutAt = g.Now()
	}
	return revision, err
}

// letGo ends what was up until the cut, runs the post-exec rule for what was begun, and lets go of the namespaces once no
// thaw of them is owed.
func (g *group) letGo(ctx context.Context, frozen Frozen, failed error) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), thawTime)
	defer stop()
	var errs []error
	if frozen.End != nil {
		out, err := frozen.End(ctx)
		g.keep(preExec, out)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s rule: %w", preExec, err))
		}
	}
	if g.spec.Freezes() && !g.begun && failed != nil { // nothing was sent: there is nothing to let go on
		return errors.Join(append(errs, g.release(ctx))...)
	}
	err := g.thaw(ctx, &salvor.OwedThaw{Rule: g.post, Namespaces: g.namespaces, Begun: g.sent, Spared: g.spared}, g.heldFor)
	g.noteTime(err == nil && len(errs) == 0)
	if err == nil {
		err = g.unlock(ctx, g.freezes)
	}
	return errors.Join(append(errs, err)...)
}

// startWatch begins the time of the freeze.
func (g *group) startWatch(release context.CancelCauseFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.begun {
		return
	}
	g.begun, g.began = true, g.Now()
	g.resultMu.Lock()
	g.quiesced = true
	g.resultMu.Unlock()
	g.watch = time.AfterFunc(g.maxFreeze(), func() {
		release(salvor.Errorf(salvor.DeadlineExceeded, "the application was held for longer than maxFreeze, %s, allows: the cut is abandoned", g.maxFreeze()).
			WithHint("make the pre-exec rule quicker, or set spec.maxFreeze"))
	})
}

func (g *group) stopWatch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.watch != nil {
		g.watch.Stop()
	}
}
