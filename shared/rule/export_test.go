package rule

import "time"

// Shell is shell for tests, Preflight the script of that name.
var (
	Shell     = shell
	Preflight = preflight
	Natural   = natural
)

// GoOn is goOn for tests.
const GoOn = goOn

// Feeding is feeding for tests.
func Feeding(lines int, hold bool, life time.Duration, wait, mark string, argv ...string) []string {
	return feeding(lines, keep{hold: hold, lifetime: life, wait: wait, mark: mark}, argv)
}
