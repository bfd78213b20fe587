package salvor_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

func TestALeaseIsOver(t *testing.T) {
	now := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	for why, tt := range map[string]struct {
		expires time.Time
		live    bool
	}{
		"never taken":                         {time.Time{}, false},
		"a minute ago":                        {now.Add(-time.Minute), false},
		"now":                                 {now, false},
		"in a minute":                         {now.Add(time.Minute), true},
		"by a clock that is ahead":            {now.Add(time.Minute + salvor.ClockAhead), true},
		"by a clock that was wrong by a day":  {now.AddDate(0, 0, 1), false},
		"by a clock that was wrong by a year": {now.AddDate(1, 0, 0), false},
	} {
		if got := (salvor.Lease{Expires: metav1.NewTime(tt.expires)}).Live(now); got != tt.live {
			t.Errorf("%s: live is %t", why, got)
		}
	}
}

// Monotonic time stands still while a machine sleeps.
func TestALeaseEndsWhileTheMachineSleeps(t *testing.T) {
	var l salvor.Lease
	now := time.Now()
	l.Renew(now, time.Minute)
	if wall := now.Round(0).Add(time.Minute); l.Expires.Time != wall { // not Equal, which does not see it
		t.Errorf("it lasts until %s, want %s", l.Expires.Time, wall)
	}
}
