package salvor

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Lease is the right to work on a backup. A worker renews it; whoever finds it expired may take over with the next epoch.
type Lease struct {
	// Holder names the worker, for people.
	Holder string `json:"holder,omitempty"`
	// Epoch counts the workers so far; a write of an older epoch is refused.
	Epoch int64 `json:"epoch,omitempty"`
	// Expires is when others may take over.
	Expires metav1.Time `json:"expires,omitzero"`
}

// ClockAhead is how far the clock of another machine may be ahead. A time that is further was noted by a clock that was wrong.
const ClockAhead = 5 * time.Minute

// longestLease is longer than anybody takes a lease for, by a clock that may be ahead.
const longestLease = 10*time.Minute + ClockAhead

// Live reports whether the lease is not over. One that ends later than any can was taken by a clock that was wrong, and is:
// who holds it, should it live, is fenced by the next epoch.
func (l Lease) Live(now time.Time) bool {
	return now.Before(l.Expires.Time) && !l.Expires.After(now.Add(longestLease))
}

// Renew makes the lease last from now on. What is noted has no monotonic time, which stands still while a machine sleeps: whoever
// wakes up has to find its lease over, as others do.
func (l *Lease) Renew(now time.Time, last time.Duration) {
	l.Expires = metav1.NewTime(now.Round(0).Add(last))
}
