package dir

// Cheap makes a new passphrase cost next to nothing, for tests.
func Cheap(o Options) Options {
	o.workFactor = 4
	return o
}

// Link is how files are published where renaming without overwriting is not to
// be had.
var Link = link
