package closure_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/closure"
)

// No kind is treated specially without being told of.
func TestEveryKindThatSpeaksIsNoted(t *testing.T) {
	var noted []string
	for _, n := range closure.Notes() {
		noted = append(noted, n.Kind)
		if n.Needs == "" && n.With == "" {
			t.Errorf("the note of %s says nothing", n.Kind)
		}
	}
	slices.Sort(noted)
	if d := cmp.Diff(closure.Speaking(), noted); d != "" {
		t.Errorf("(-code +notes):\n%s", d)
	}
}
