package volumes_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// holding are the flags of a backup whose rules bring the application to rest.
var holding = []string{"--pre-exec-rule", "hold", "--post-exec-rule", "go-on"}

// backUp makes a backup of the application, which may go wrong, and returns what came of it when it is over.
func (a *application) backUp(t *testing.T, name string, flags ...string) *salvor.Backup {
	t.Helper()
	out, err := a.try(t, append([]string{"backup", "create", name, "-n", a.namespace}, flags...)...)
	return a.over(t, name, out, err)
}

// backUpBy is backUp with rules that hold the application, and a limit for snapshots to become ready.
func (a *application) backUpBy(t *testing.T, name string, settle time.Duration) *salvor.Backup {
	t.Helper()
	cmd := a.command(t, "backup", "create", "-f", "-")
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`apiVersion: salvor.io/v1
kind: Backup
metadata: {name: %s}
spec: {cluster: here, location: disk, scope: {namespaces: [%s]}, preExecRule: hold, postExecRule: go-on, volumes: {settleTimeout: %s}}
`, name, a.namespace, settle))
	out, err := cmd.CombinedOutput()
	return a.over(t, name, string(out), err)
}

// over is the backup that has ended so.
func (a *application) over(t *testing.T, name, out string, err error) *salvor.Backup {
	t.Helper()
	t.Logf("backup %s: %v\n%s", name, err, out)
	b := a.backup(t, name)
	if !b.Status.Phase.Done() || b.Status.Thaw != nil {
		t.Fatalf("it is %s, and owes the thaw %v", b.Status.Phase, b.Status.Thaw)
	}
	return b
}

// copyTo restores the application into a namespace of its own, and returns that.
func (a *application) copyTo(t *testing.T, w *world, backup string, flags ...string) string {
	t.Helper()
	into := "t-" + testenv.Unique()
	out, err := w.try(t, append([]string{"restore", backup, "--name", into, "--map", a.namespace + "=" + into, "--yes"}, flags...)...)
	if err != nil {
		t.Fatalf("restoring %s: %v\n%s", backup, err, out)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_, _ = w.TryKubectl(t.Context(), "delete", "namespace", into, "--wait=false")
		}
	})
	return into
}

// Three volumes whose snapshots are cut one after the other: with a rule they are of one moment all the same. Without one
// they are not, which shows that the application did write, and the backup says that it is crash-consistent.
func TestThreeVolumesAreOfOneMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{name: "a"},
		volumeOf{name: "b", class: w.snapshotClass(t, map[string]string{testenv.FaultDelay: "500ms"})},
		volumeOf{name: "c", class: w.snapshotClass(t, map[string]string{testenv.FaultDelay: "1s"})})
	var wait sync.WaitGroup
	found := map[string][]string{}
	var mu sync.Mutex
	for name, flags := range map[string][]string{"held": holding, "loose": nil} {
		b := a.backUp(t, name, flags...)
		want := map[string]salvor.DataConsistency{"held": salvor.ApplicationConsistent, "loose": salvor.CrashConsistent}[name]
		if b.Status.Phase != salvor.PhaseCompleted || b.Status.DataConsistency != want || b.Status.Volumes.Ready != 3 {
			t.Errorf("%s: %s, %s, %+v", name, b.Status.Phase, b.Status.DataConsistency, b.Status.Volumes)
		}
		if said := w.salvor(t, "describe", "backup", name); !strings.Contains(strings.ToLower(said), strings.ToLower(string(want)[:5])) {
			t.Errorf("%s is described without a word of %s:\n%s", name, want, said)
		}
		wait.Go(func() {
			into := a.copyTo(t, w, name)
			mu.Lock()
			defer mu.Unlock()
			for _, v := range a.volumes {
				found[name] = append(found[name], a.found(t, into, v))
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	held, loose := found["held"], found["loose"]
	if held[0] != held[1] || held[0] != held[2] {
		t.Errorf("the volumes that were held end with %s, %s and %s", last(held[0]), last(held[1]), last(held[2]))
	}
	if loose[0] == loose[1] || loose[1] == loose[2] {
		t.Errorf("volumes that nobody held end with %s, %s and %s: the application did not write", last(loose[0]), last(loose[1]), last(loose[2]))
	}
	w.nothingLeft(t, a.namespace)
}

// last is the last line of a log, with how many lines there are.
func last(log string) string {
	lines := strings.Fields(log)
	return fmt.Sprintf("%s (line %d)", lines[len(lines)-1], len(lines))
}

// thawed fails unless the application writes, and was held for less than the limit.
func (a *application) thawed(t *testing.T, b *salvor.Backup, within time.Duration) {
	t.Helper()
	if held := b.Status.FrozenFor.Duration; held <= 0 || held >= within {
		t.Errorf("it was held for %s, and should be for less than %s", held, within)
	}
	a.writes(t)
}
