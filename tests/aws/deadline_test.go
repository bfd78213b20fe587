package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/function"
)

// A function whose time is nearly up lets the application go on while it still can: nobody has to be called for that.
func TestAFunctionNearItsDeadlineThawsFirst(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, note("frozen")+`; sleep 55`, note("thawed"))
	s := shops[0]
	r, err := s.Function("BackupFunction").Invoke(t.Context(), []byte(s.document()), function.Options{Timeout: 48 * time.Second})
	if err != nil || !strings.Contains(string(r.Payload), `"phase":"Failed"`) {
		t.Errorf("it answers %v %v %s", err, r.Err(), r.Payload)
	}
	if diff := cmp.Diff([]string{"frozen", "thawed"}, s.words()); diff != "" {
		t.Error(diff)
	}
	b := w.getBackup(s.backup)
	if b.Status.Phase != salvor.PhaseFailed || b.Status.Thaw != nil || !strings.Contains(b.Status.Message, "the time that one process has") {
		t.Errorf("the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
}
