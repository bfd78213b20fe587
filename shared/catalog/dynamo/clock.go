package dynamo

import "time"

// clock is the system's clock, for whoever gives no other.
func clock() time.Time { return time.Now() }
