package s3

import "time"

// defaultClock is what Options.Now defaults to.
var defaultClock = time.Now
