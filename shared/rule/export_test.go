package rule

import "time"

// Preflight is the script of that name for tests.
var (
	Preflight = preflight
	Natural   = natural
)

// GoOn and Patient are goOn and patient for tests.
const (
	GoOn    = goOn
	Patient = patient
)

// Shell is the argv that runs a line of a rule under guard.
func Shell(line string) []string { return shell(exported(line, nil)) }

// Line is the argv of a line of a rule.
func Line(line string) []string { return argv(line, nil, nil) }

// Feeding is feeding for tests.
func Feeding(lines int, hold bool, life time.Duration, wait, mark string, argv ...string) []string {
	return feeding(lines, keep{hold: hold, lifetime: life, wait: wait, mark: mark}, argv)
}
