package dir

import "time"

// now is the time by the clock that was given, or the system's.
func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
