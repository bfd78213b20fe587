package rule

import (
	"strings"
	"time"
)

// Preflight is the script of that name for tests.
var (
	Preflight = preflight
	Natural   = natural
)

// Here and Patient are here and patient for tests.
const (
	Here    = here
	Patient = patient
)

// Unheard is an output without the greeting.
func Unheard(out string) string { return strings.TrimPrefix(out, here+"\n") }

// GoOn is a goLine that leaves a command a minute.
var GoOn = goLine(time.Minute)

// Shell is the argv that runs a line of a rule under guard.
func Shell(line string) []string { return shell(exported(line, nil)) }

// Line is the argv of a line of a rule.
func Line(line string) []string { return argv(line, nil, nil) }

// Feeding is feeding for tests.
func Feeding(lines int, hold bool, life time.Duration, wait, mark string, argv ...string) []string {
	return feeding(lines, keep{hold: hold, lifetime: life, wait: wait, mark: mark}, argv)
}
