package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

// decided is how many backups of one schedule are decided about at once.
const decided = 100_000

// benchRetention decides about the backups of a schedule that runs every hour in a hundred clusters, of ten namespaces each,
// by every rule there is.
func benchRetention(_ context.Context, b *bench) ([]Result, error) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return nil, fmt.Errorf("benchmark of retention: %w", err)
	}
	policy := salvor.Retention{Last: 24, Hourly: 48, Daily: 30, Weekly: 8, Monthly: 24, Yearly: 7,
		Within:   metav1.Duration{Duration: 72 * time.Hour},
		Matching: &metav1.LabelSelector{MatchLabels: map[string]string{"keep": "yes"}}}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	backups := scheduledBackups(now)
	b.say("retention: deciding about %d backups", len(backups))
	var seconds []float64
	var kept int
	for range b.rounds {
		began := time.Now()
		keep, remove := retention.Plan(policy, zone, backups, now)
		seconds = append(seconds, time.Since(began).Seconds())
		if kept = len(keep); kept+len(remove) != len(backups) {
			return nil, fmt.Errorf("benchmark of retention: %d of %d backups are decided", kept+len(remove), len(backups))
		}
	}
	return []Result{
		atMost(1, "retention/100000-backups-by-every-rule", seconds, "s"),
		info("retention/backups-kept-of-them", []float64{float64(kept)}, "backups"),
	}, nil
}

func scheduledBackups(now time.Time) []*salvor.Backup {
	random := rand.New(rand.NewPCG(1, 2))
	backups := make([]*salvor.Backup, decided)
	for i := range backups {
		b := salvor.New(salvor.KindBackup).(*salvor.Backup)
		at := now.Add(-time.Duration(i/100) * time.Hour)
		b.Name, b.Spec.Schedule = salvor.RunName("hourly", at), "hourly"
		b.Status = salvor.BackupStatus{Phase: salvor.PhaseCompleted, ClusterID: fmt.Sprintf("cluster-%02d", i%100), CutAt: metav1.NewMicroTime(at)}
		for n := range 10 {
			b.Status.Namespaces = append(b.Status.Namespaces, fmt.Sprintf("namespace-%d", n))
		}
		switch random.IntN(20) {
		case 0:
			b.Status.Phase = salvor.PhasePartiallyFailed
		case 1:
			b.Status.Phase = salvor.PhaseFailed
		case 2:
			b.Labels = map[string]string{"keep": "yes"}
		}
		backups[i] = b
	}
	random.Shuffle(len(backups), func(i, j int) { backups[i], backups[j] = backups[j], backups[i] })
	return backups
}
