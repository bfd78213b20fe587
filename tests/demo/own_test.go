package main_test

import (
	"strings"
	"testing"

	"salvor.io/salvor/tests/testenv"
)

// What `make demo` runs tells its whole story, on a cluster with a node and on a machine that can't have one.
func TestTheDemoTellsItsStory(t *testing.T) {
	t.Parallel()
	program := []string{testenv.Program(t, "./tests/demo"), "--salvor", testenv.Salvor(t)}
	for name, c := range map[string]struct{ words, parts []string }{
		"with a node": {program, []string{"held the database at", "every pod was Ready", "as it was cut while it was held", "in production all ", "in standby all "}},
		"without":     {append([]string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}, program...), []string{"can't run a node", "in production all ", "in standby all "}},
	} {
		t.Run(name, func(t *testing.T) {
			screen, code := watch(t, nil, c.words...)
			for _, part := range c.parts {
				if !strings.Contains(screen, part) {
					t.Errorf("it does not say %q", part)
				}
			}
			if code != 0 {
				t.Errorf("it ended with %d", code)
			}
			if t.Failed() {
				t.Log(screen)
			}
		})
	}
}
