package wake

import (
	"testing"
	"time"
)

// A message never comes before its time, at most two seconds after it, and as late as SQS can for what is further away.
func TestDelay(t *testing.T) {
	for d, want := range map[time.Duration]int32{
		-time.Hour: 1, 0: 1, 300 * time.Millisecond: 1, time.Second: 2, 1500 * time.Millisecond: 2, 65 * time.Second: 66,
		899 * time.Second: 900, 15 * time.Minute: 900, 48 * time.Hour: 900,
	} {
		if got := delay(d); got != want {
			t.Errorf("for %s it is %d s, want %d", d, got, want)
		}
	}
}
