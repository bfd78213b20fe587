package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// What searches are measured with: catalogs with as many backups on each day, over as many clusters, but of more days.
const (
	fewBackups   = 10_000
	manyBackups  = 1_000_000
	aDay         = 100
	manyClusters = 1000
	searches     = 60
)

// firstDay is so early that the last day of the large catalogs is over.
var firstDay = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

// entry is the backup of that number. Each day has a hundred, each of another cluster; each tenth day the clusters are the
// same. A cluster has one namespace, of fifty names.
func entry(i int) *salvor.Backup {
	at := firstDay.AddDate(0, 0, i/aDay).Add(time.Duration(i%aDay) * 24 * time.Hour / aDay)
	end := metav1.NewTime(at.Add(9 * time.Second))
	return &salvor.Backup{TypeMeta: kindOf(salvor.KindBackup),
		ObjectMeta: salvor.ObjectMeta{Name: fmt.Sprintf("nightly-%s", at.Format("20060102t150405z")), Labels: map[string]string{"app": "shop", "tier": "prod"},
			CreationTimestamp: metav1.NewTime(at), RequestedBy: "schedule/nightly"},
		Spec: salvor.BackupSpec{Cluster: clusterName(i), Location: "bench", Schedule: "nightly", ScheduledFor: metav1.NewTime(at),
			Scope: salvor.Scope{Namespaces: []string{"team-*"}}},
		Status: salvor.BackupStatus{Phase: salvor.PhaseCompleted, ClusterID: clusterName(i), StartedAt: metav1.NewTime(at), CutAt: metav1.NewMicroTime(at.Add(time.Second)),
			CompletedAt: end, Revision: fmt.Sprint(12345678 + i), Namespaces: []string{namespaceName(i)}, Message: "812 objects of 31 kinds in 1 namespace",
			RootDigest: fmt.Sprintf("sha256:%064x", uint64(i)*0x9e3779b97f4a7c15),
			Progress:   salvor.Progress{Kinds: 31, KindsDone: 31, Objects: 812, Bytes: 1 << 20, Segments: 40, SegmentsUploaded: 3, BytesUploaded: 1 << 14}}}
}

func clusterName(i int) string   { return fmt.Sprintf("cluster-%d", i%manyClusters) }
func namespaceName(i int) string { return fmt.Sprintf("team-%d", i%manyClusters%50) }

// entries are the first n.
func entries(n int) func(func(*salvor.Backup) bool) {
	return func(yield func(*salvor.Backup) bool) {
		for i := 0; i < n && yield(entry(i)); i++ {
		}
	}
}
