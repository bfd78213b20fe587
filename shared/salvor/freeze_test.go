package salvor_test

import (
	"testing"

	"salvor.io/salvor/shared/salvor"
)

// What a backup holds is Salvor's own: nobody can read or write it by name.
func TestAFreezeIsNoKindOfTheUsers(t *testing.T) {
	for _, s := range []string{"Freeze", "freeze", "freezes"} {
		if kind, err := salvor.ParseKind(s); err == nil {
			t.Errorf("%s is taken for %s", s, kind)
		}
	}
	if _, err := salvor.Decode([]byte("apiVersion: salvor.io/v1\nkind: Freeze\nmetadata: {name: x}\n"), ""); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a document of one: %v", err)
	}
}
