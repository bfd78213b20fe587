package backup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// ScheduledRun is the backup of a cluster that a schedule asks for at the time that it meant, whenever that is delivered:
// two of the same cluster and time are the same backup.
func ScheduledRun(s *salvor.BackupSchedule, cluster string, at time.Time, requestedBy string) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Labels, b.Spec = salvor.RunName(s.Name, at), maps.Clone(s.Spec.Template.Labels), s.Spec.Template.Spec
	b.Spec.Cluster, b.Spec.Schedule, b.Spec.ScheduledFor = cluster, s.Name, metav1.NewTime(at.UTC())
	b.RequestedBy = requestedBy
	return b
}

// ScheduledClusters are the clusters that a schedule backs up, by name. NotFound: it chooses by label, and there is none.
func ScheduledClusters(ctx context.Context, c catalog.Objects, s *salvor.BackupSchedule) ([]*salvor.Cluster, error) {
	if s.Spec.ClusterSelector == nil {
		name := s.Spec.Template.Spec.Cluster
		o, err := c.Get(ctx, salvor.KindCluster, name)
		if err != nil {
			return nil, missing(err, "spec.template.spec.cluster", "cluster", name)
		}
		return []*salvor.Cluster{o.(*salvor.Cluster)}, nil
	}
	selector, err := salvor.Selector(s.Spec.ClusterSelector)
	if err != nil {
		return nil, err
	}
	var chosen []*salvor.Cluster
	err = eachObject(ctx, c, salvor.KindCluster, func(o salvor.Object) error {
		if selector.Matches(labels.Set(o.Meta().Labels)) {
			chosen = append(chosen, o.(*salvor.Cluster))
		}
		return nil
	})
	if err == nil && len(chosen) == 0 {
		err = salvor.Errorf(salvor.NotFound, "spec.clusterSelector: no cluster has labels that it selects").WithHint("salvor get clusters -o wide shows their labels")
	}
	return chosen, err
}

// earlierRuns counts the runs of the same schedule and cluster that were meant for an earlier time and have not ended, as
// far as two.
func earlierRuns(ctx context.Context, c catalog.Backups, b *salvor.Backup, now time.Time) (n int, one string, err error) {
	// The index of the cluster with a name is narrower than that of the schedule, which has all clusters. What has ended is
	// passed over: while one run goes on, many may be left out.
	q := catalog.Query{ClusterID: b.Status.ClusterID, Name: b.Spec.Schedule + "-*", Phases: unfinished, From: now.Add(-2*forgotten - timeout(b.Spec))}
	for {
		page, err := c.Search(ctx, q)
		if err != nil {
			return 0, "", fmt.Errorf("looking for earlier runs of schedule %q: %w", b.Spec.Schedule, err)
		}
		for _, other := range page.Backups {
			if other.Spec.Schedule == b.Spec.Schedule && other.Spec.ScheduledFor.Before(&b.Spec.ScheduledFor) && ongoing(other, now) {
				n, one = n+1, other.Name
			}
		}
		if q.Cursor = page.Next; page.Next == "" || n > 1 {
			return n, one, nil
		}
	}
}

// unfinished are the phases of runs that still are to be made; one that has only to settle holds nothing up.
var unfinished = []salvor.Phase{salvor.PhasePending, salvor.PhaseQuiescing, salvor.PhaseCapturing}

// forgotten is when a run that nobody has ever begun holds up no other any more.
const forgotten = 24 * time.Hour

// ongoing reports whether a run still is to be made.
func ongoing(b *salvor.Backup, now time.Time) bool {
	if !slices.Contains(unfinished, b.Status.Phase) || Hopeless(b, now) != "" {
		return false
	}
	return !b.Status.StartedAt.IsZero() || now.Sub(b.CreationTimestamp.Time) < forgotten
}

// waitAgain is when a run that waits for an earlier one looks again.
const waitAgain = 30 * time.Second

// Waits returns until when a backup that nobody has begun has to wait, at least, and why; the zero time: it may begin.
func Waits(ctx context.Context, c catalog.Backups, b *salvor.Backup, now time.Time) (until time.Time, why string, err error) {
	if b.Spec.Schedule == "" || b.Status.Lease.Epoch > 0 || b.Status.Phase.Done() || b.Status.Phase == salvor.PhaseDeleting || b.Status.CancelRequested {
		return time.Time{}, "", nil
	}
	if at := b.Spec.NotBefore.Time; now.Before(at) {
		return at, "it begins at " + at.UTC().Format(time.RFC3339) + ", by the jitter of its schedule", nil
	}
	n, one, err := earlierRuns(ctx, c, b, now)
	if err != nil || n == 0 {
		return time.Time{}, "", err
	}
	return now.Add(waitAgain), "it waits for the end of " + one, nil
}

// jitterOf is when a run of the cluster may begin; the zero time: at its own.
func jitterOf(p salvor.SchedulePolicySpec, name, clusterID string, at time.Time) metav1.Time {
	if late := schedule.Jitter(p.Jitter.Duration, name, clusterID); late > 0 {
		return metav1.NewTime(at.UTC().Add(late))
	}
	return metav1.Time{}
}
