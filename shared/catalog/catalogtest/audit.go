package catalogtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Audit fails the test unless searches find exactly those of the backups that are there, in every way in which they can
// be found, and nothing else in the catalog. For tests of what is left behind when a writer dies.
func Audit(t *testing.T, c catalog.Backups, ids ...salvor.BackupID) {
	t.Helper()
	var truth []*salvor.Backup
	queries := []catalog.Query{{}, {Limit: 1}}
	type newest struct{ cluster, ns string }
	ask := map[newest][]time.Time{}
	for _, id := range ids {
		b, err := c.GetBackup(t.Context(), id)
		if salvor.Is(err, salvor.NotFound) {
			queries = append(queries, catalog.Query{ClusterID: id.ClusterID}, catalog.Query{Name: id.Name})
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		truth = append(truth, b)
		day := b.Date().UTC().Truncate(24 * time.Hour)
		queries = append(queries, catalog.Query{ClusterID: id.ClusterID}, catalog.Query{Name: id.Name}, catalog.Query{Schedule: b.Spec.Schedule},
			catalog.Query{From: storedDate(b), To: storedDate(b).Add(1)}, catalog.Query{From: day, To: day.AddDate(0, 0, 1)})
		for _, ns := range b.Status.Namespaces {
			queries = append(queries, catalog.Query{Namespace: ns}, catalog.Query{ClusterID: id.ClusterID, Namespace: ns})
			k := newest{id.ClusterID, ns}
			ask[k] = append(ask[k], storedDate(b).Add(-1), storedDate(b), storedDate(b).AddDate(1, 0, 0))
		}
	}
	for _, q := range queries {
		if diff := cmp.Diff(expect(truth, q), search(t, c, q)); diff != "" {
			t.Errorf("searching %+v (-want +got):\n%s", q, diff)
		}
	}
	for k, times := range ask {
		for _, at := range slices.CompactFunc(times, time.Time.Equal) {
			q := catalog.Query{ClusterID: k.cluster, Namespace: k.ns, To: at.Add(1), Phases: []salvor.Phase{salvor.PhaseCompleted}}
			want := append(expect(truth, q), k.cluster+"/")[0]
			wantNewest(t, c, k.cluster, k.ns, at, strings.TrimPrefix(want, k.cluster+"/"))
		}
	}
}
