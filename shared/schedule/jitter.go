package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Jitter is how much later than its time a run begins, at least nothing and less than most, in whole seconds: always the
// same for a schedule and a cluster's id.
func Jitter(most time.Duration, schedule, clusterID string) time.Duration {
	seconds := uint64(most / time.Second)
	if seconds == 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(schedule + "/" + clusterID))
	return time.Duration(binary.BigEndian.Uint64(sum[:8])%seconds) * time.Second
}
