package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
	"salvor.io/salvor/shared/volume"
)

// finishTime is what a run whose context has ended still gets to thaw and to record how it ended.
const finishTime = 2 * time.Minute

// Run makes the backup that Begin recorded and returns it as it ended. The error says why it is Failed or Canceled;
// a PartiallyFailed one has no error. Conflict: it is done already, or another process works on it. Suspended: ctx ended
// with a cause of that code; nothing is frozen, and the next Run goes on.
func (e *Engine) Run(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	e.step(StepAcquire)
	b, err := e.acquire(ctx, id)
	if err != nil {
		return nil, err
	}
	r := e.newRun(b)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ctx, stop := context.WithTimeoutCause(ctx, e.timeLeft(b), salvor.Errorf(salvor.DeadlineExceeded, "not done within %s", timeout(b.Spec)))
	defer stop()
	var beating sync.WaitGroup
	beatCtx, stopBeat := context.WithCancel(context.WithoutCancel(ctx))
	beating.Go(func() { r.record.beat(beatCtx, end, r.saveProgress) })
	err = granted(r.execute(ctx))
	if err != nil && ctx.Err() != nil {
		err = cause(ctx, err)
	}
	stopBeat()
	beating.Wait()
	return r.finish(ctx, err)
}

// newRun is the run of the worker that has just taken the backup's lease.
func (e *Engine) newRun(b *salvor.Backup) *run {
	r := &run{Engine: e, tuning: e.Tuning.withDefaults(), spec: b.Spec, name: b.Name, begun: b,
		record: &record{engine: e, id: b.ID(), epoch: b.Status.Lease.Epoch, b: b}}
	r.report.init(r)
	return r
}

// granted says how a right is granted that a run could not go on without.
func granted(err error) error {
	if apierrors.IsForbidden(err) && salvor.Is(err, salvor.Internal) {
		return salvor.Errorf(salvor.Forbidden, "%w", err).WithHint("apply infra/kubernetes/rbac.yaml to grant it; salvor cluster check says what else is missing")
	}
	return err
}

func timeout(s salvor.BackupSpec) time.Duration {
	if s.Timeout.Duration > 0 {
		return s.Timeout.Duration
	}
	return 4 * time.Hour
}

// timeLeft is what the backup may still take; one that goes on from a checkpoint has used up a part of its time.
func (e *Engine) timeLeft(b *salvor.Backup) time.Duration {
	if b.Status.Checkpoint == "" {
		return timeout(b.Spec)
	}
	return max(timeout(b.Spec)-e.Now().Sub(b.Status.StartedAt.Time), 0)
}

// cause prefers why the context ended to the error that its end brought about.
func cause(ctx context.Context, err error) error {
	c := context.Cause(ctx)
	if errors.Is(c, context.Canceled) {
		return salvor.Errorf(salvor.Canceled, "interrupted")
	}
	if errors.Is(err, c) {
		return err
	}
	return c
}

// run is one worker's attempt at one backup.
type run struct {
	*Engine
	tuning Tuning
	name   string
	spec   salvor.BackupSpec
	begun  *salvor.Backup // as it was when the lease was taken
	record *record
	site   place

	selection  *selection.Selection
	served     []cluster.Resource // all that the cluster serves
	kinds      []cluster.Resource // those that may be read
	namespaces []string
	version    string
	uid        string

	manifest archive.Manifest
	rootHash string
	capture  *capture
	// uploading is the capture's, for the progress.
	uploading atomic.Pointer[uploader]
	// allNamespaces is how many the cluster has.
	allNamespaces int
	report        report
	// times are how long what was held was.
	times  []salvor.FreezeTime
	totals counters
	// resultMu guards what groups that are cut side by side add to: warnings, exceptions, revisions and times.
	resultMu sync.Mutex
	// groups are the namespaces that were cut by themselves, revisions theirs.
	groups    []archive.Exception
	revisions map[string]string
	// quiesced says that rules were begun, quiet that the cut is made and nothing is frozen any more.
	quiesced, quiet bool
	ruleWarnings    []string
	// settled are the namespaces at the revision, once they were read.
	settled *selection.Namespaces
	// volumes are those that the scope takes: as planned, and then as they were cut.
	volumes []archive.Volume
	// volumeGroups are those of them that are snapshotted together.
	volumeGroups []volume.Group
	// leftBehind warns of what stays in the cluster.
	leftBehind []string
	// cutBegan says that snapshots may have been made, committing that the manifest may have been stored.
	cutBegan, committing bool
	// watchAt is when somebody looks whether this worker still lives, as far as that was asked for.
	watchMu sync.Mutex
	watchAt time.Time
	// resumed is how far an earlier worker was.
	resumed *checkpoint
}

// place is where a run works: first its cluster is reached, then where it is stored.
type place struct {
	*Site
	Repository *repository.Repository
}

func (e *Engine) step(s Step) {
	if e.OnStep != nil {
		e.OnStep(s)
	}
}

// step reports that a part of the run begins, and times it.
func (r *run) step(s Step) {
	r.report.step(s, r.Now())
	r.Engine.step(s)
}

func (r *run) execute(ctx context.Context) error {
	r.step(StepConnect)
	if err := r.payOwed(ctx); err != nil {
		return err
	}
	if r.begun.Status.CancelRequested { // while nobody worked on it: what it owed is all that is left to do
		return errCanceled
	}
	var err error
	if r.site.Repository, err = r.Store(ctx, r.begun); err != nil {
		return err
	}
	if adopted, err := r.adopt(ctx); adopted || err != nil {
		return err
	}
	if err := r.own(ctx); err != nil {
		return err
	}
	r.step(StepPlan)
	if err := r.plan(ctx); err != nil {
		return err
	}
	revision, err := r.cutOnce(ctx)
	if err != nil {
		return err
	}
	r.step(StepCapture)
	if err := r.record.update(ctx, func(s *salvor.BackupStatus) { s.Phase = salvor.PhaseCapturing }); err != nil {
		return err
	}
	if err := r.captureAt(ctx, revision); err != nil {
		return err
	}
	r.matchVolumes(ctx)
	return r.commit(ctx)
}

// cutOnce makes the cut, unless an earlier worker has.
func (r *run) cutOnce(ctx context.Context) (string, error) {
	if there, err := r.goOn(ctx); there || err != nil {
		return r.manifest.Revision, err
	}
	r.step(StepVolumes)
	r.discardEarlier(ctx)
	if err := r.planVolumes(ctx); err != nil {
		return "", err
	}
	if err := r.notePlanned(ctx); err != nil {
		return "", err
	}
	before := len(r.manifest.Warnings)
	revision, err := r.cutQuiesced(ctx)
	r.ruleWarnings, r.quiet = slices.Clone(r.manifest.Warnings[before:]), err == nil
	return revision, err
}

// adopt takes over a manifest that an earlier worker stored before it could say so in the catalog.
func (r *run) adopt(ctx context.Context) (bool, error) {
	m, root, err := r.site.Repository.Manifest(ctx, r.name)
	if errors.Is(err, location.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if m.CreatedAt.Unix() != r.begun.CreationTimestamp.Unix() {
		return false, salvor.Errorf(salvor.Exists, "the location holds another backup of this name, of %s", m.CutAt.UTC().Format(time.RFC3339)).
			WithHint("choose another name")
	}
	r.manifest, r.rootHash = *m, root
	return true, r.checkLate(ctx) // nobody knows how long ago that worker had looked
}

// finish records how the run ended, with time of its own. A worker that was fenced records nothing.
func (r *run) finish(ctx context.Context, err error) (*salvor.Backup, error) {
	if salvor.Is(err, salvor.Fenced) {
		return nil, err
	}
	why := context.Cause(ctx)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer stop()
	if err != nil && salvor.Is(why, salvor.Suspended) {
		if r.quiet || !r.quiesced {
			return r.suspend(ctx, why)
		}
		err = r.tooSlow()
	}
	discarded := false
	if err != nil {
		discarded = r.discardFailed(ctx)
	} else {
		r.release(ctx)
	}
	if err != nil && r.site.Repository != nil {
		r.storeReport(ctx, err)
	}
	r.Engine.step(StepCatalog)
	saved := r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.CompletedAt = metav1.NewTime(r.Now())
		s.Checkpoint = ""
		s.Lease.Holder, s.Lease.Expires = "", metav1.Time{}
		if err != nil {
			r.failed(s, err)
			if discarded {
				s.Volumes = salvor.VolumeCounts{}
			}
		} else {
			tell(s, &r.manifest, r.rootHash)
			s.Warnings = slices.Concat(s.Warnings, r.leftBehind)
		}
	})
	if saved != nil {
		return nil, errors.Join(err, fmt.Errorf("backup %q: recording how it ended: %w", r.name, saved))
	}
	if err != nil {
		err = fmt.Errorf("backup %q: %w", r.name, err)
	}
	return r.record.b, err
}

func (r *run) failed(s *salvor.BackupStatus, err error) {
	s.Phase = salvor.PhaseFailed
	if salvor.Is(err, salvor.Canceled) {
		s.Phase = salvor.PhaseCanceled
	}
	s.Message, s.Warnings = err.Error(), r.manifest.Warnings
	noteFreezes(s, r.freezeTimes())
	if frozen := longest(s.Freezes); frozen > 0 && s.Thaw == nil {
		s.Message += fmt.Sprintf("; the application was frozen for %s and is thawed", frozen.Round(time.Millisecond))
	}
	r.saveProgress(s)
}

// statusFailures is how many failures the catalog keeps; a role that may list nothing in a thousand namespaces brings about many.
const statusFailures = 100

// firstFailures cuts a long list and says so; the manifest has all.
func firstFailures(all []salvor.Failure) []salvor.Failure {
	if len(all) <= statusFailures {
		return all
	}
	more := salvor.Failure{Objects: -1, Reason: fmt.Sprintf("and %d more, which the backup's manifest names", len(all)-statusFailures)}
	return append(slices.Clone(all[:statusFailures]), more)
}

// summary says in one sentence what a backup holds and lacks.
func summary(m *archive.Manifest) string {
	text := fmt.Sprintf("%s of %s in %s", salvor.Count(m.Totals.Objects, "object"), salvor.Count(len(m.Kinds), "kind"), salvor.Count(len(m.Namespaces), "namespace"))
	if n := len(m.Failures); n > 0 {
		text += fmt.Sprintf("; %s, the first: %s", salvor.Count(n, "failure"), m.Failures[0].Reason)
	}
	if n := len(m.Exceptions); n > 0 {
		text += fmt.Sprintf("; of another moment: %s", salvor.Count(n, "exception"))
	}
	return text
}
