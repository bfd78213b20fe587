package retention_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

// at makes a Completed backup, called after its time in UTC, of no namespace that another one has not.
func at(t time.Time) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Spec.Schedule = t.UTC().Format("0102t1504"), "nightly"
	b.Status = salvor.BackupStatus{Phase: salvor.PhaseCompleted, ClusterID: "shop", Namespaces: []string{"x"}, CutAt: metav1.NewMicroTime(t)}
	return b
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func names(ds []retention.Decision) []string {
	out := []string{}
	for _, d := range ds {
		out = append(out, d.Backup.Name)
	}
	return out
}

func TestCalendarRules(t *testing.T) {
	berlin, auckland := zone(t, "Europe/Berlin"), zone(t, "Pacific/Auckland")
	every := func(from, to time.Time, step time.Duration) (bs []*salvor.Backup) {
		for ; from.Before(to); from = from.Add(step) {
			bs = append(bs, at(from))
		}
		return bs
	}
	utc := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		why     string
		policy  salvor.Retention
		zone    *time.Location
		backups []*salvor.Backup
		keep    []string
	}{
		{"the newest of each day", salvor.Retention{Daily: 3}, nil, every(utc("2026-11-18 00:00"), utc("2026-11-22 12:00"), 6*time.Hour),
			[]string{"1122t0600", "1121t1800", "1120t1800"}},
		{"days are those of the zone", salvor.Retention{Daily: 3}, auckland, every(utc("2026-11-18 00:00"), utc("2026-11-22 12:00"), 6*time.Hour),
			[]string{"1122t0600", "1121t0600", "1120t0600"}}, // 13 h ahead: the day ends at 11:00 UTC
		{"days without a backup don't count", salvor.Retention{Daily: 3}, nil, []*salvor.Backup{at(utc("2026-11-20 01:00")), at(utc("2026-11-02 01:00")), at(utc("2026-03-01 01:00")), at(utc("2026-01-01 01:00"))},
			[]string{"1120t0100", "1102t0100", "0301t0100"}},
		{"weeks begin on Monday", salvor.Retention{Weekly: 2}, nil, every(utc("2026-11-13 02:00"), utc("2026-11-18 12:00"), 24*time.Hour),
			[]string{"1118t0200", "1115t0200"}}, // the 15th is a Sunday
		{"a week at the turn of the year is one", salvor.Retention{Weekly: 2}, nil, every(utc("2025-12-27 02:00"), utc("2026-01-03 12:00"), 24*time.Hour),
			[]string{"0103t0200", "1228t0200"}},
		{"months and years", salvor.Retention{Monthly: 3, Yearly: 2}, nil, every(utc("2024-01-31 02:00"), utc("2026-11-22 12:00"), 24*time.Hour),
			[]string{"1122t0200", "1031t0200", "0930t0200", "1231t0200"}},
		{"the year begins in the zone", salvor.Retention{Yearly: 2}, berlin, []*salvor.Backup{at(utc("2025-12-31 22:59")), at(utc("2025-12-31 23:00"))},
			[]string{"1231t2300", "1231t2259"}},
		{"the hour that comes twice is two", salvor.Retention{Hourly: 2}, berlin, every(utc("2026-10-25 00:00"), utc("2026-10-25 02:00"), 30*time.Minute),
			[]string{"1025t0130", "1025t0030"}},
		{"a day of 25 hours is one", salvor.Retention{Daily: 1}, berlin, every(utc("2026-10-24 22:00"), utc("2026-10-25 23:00"), time.Hour),
			[]string{"1025t2200"}},
		{"rules add up", salvor.Retention{Last: 2, Daily: 2, Monthly: 2}, nil, every(utc("2026-10-29 02:00"), utc("2026-11-22 12:00"), 12*time.Hour),
			[]string{"1122t0200", "1121t1400", "1031t1400"}},
	} {
		kept, removed := retention.Plan(c.policy, c.zone, c.backups, now)
		if diff := cmp.Diff(c.keep, names(kept)); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", c.why, diff)
		}
		if len(kept)+len(removed) != len(c.backups) {
			t.Errorf("%s: %d of %d backups are decided", c.why, len(kept)+len(removed), len(c.backups))
		}
	}
}

// A year of nightly backups, expired every night: what is there at the end is what one look at the whole year keeps.
func TestExpiringEveryNightKeepsWhatOneLookWouldKeep(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	policy := salvor.Retention{Last: 3, Daily: 7, Weekly: 4, Monthly: 6, Yearly: 2}
	var all, left []*salvor.Backup
	for day := range 365 {
		b := at(time.Date(2026, 1, 1+day, 2, 0, 0, 0, berlin))
		all, left = append(all, b), append(left, b)
		kept, _ := retention.Plan(policy, berlin, left, b.Date())
		left = nil
		for _, d := range kept {
			left = append(left, d.Backup)
		}
	}
	end := all[len(all)-1].Date()
	want, _ := retention.Plan(policy, berlin, all, end)
	got, _ := retention.Plan(policy, berlin, left, end)
	if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
		t.Errorf("what is left (-at once +every night):\n%s", diff)
	}
	if n := len(got); n != 7+2+5 { // two weeks and one month end within the seven days
		t.Errorf("%d are left: %v", n, names(got))
	}
	if r := got[0].Reason(); r != fmt.Sprintf("is number 1 of the newest 3 that are complete; is the newest that is complete of 2026-12-31, 1 of 7 days; "+
		"is the newest that is complete of 2026-W53, 1 of 4 weeks; is the newest that is complete of 2026-12, 1 of 6 months; is the newest that is complete of 2026, 1 of 2 years; "+
		"is the last good backup of namespace x") {
		t.Errorf("the newest stays because it %s", r)
	}
}
