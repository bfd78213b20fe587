package databases_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// write is one of a client's, with times of the pod's clock in seconds. It was acknowledged at acked or just before.
type write struct {
	by           string
	n            int
	began, acked float64
}

// writes reads the log of the clients. It fails if a write did.
func (d database) writes(t *testing.T, l *lab) []write {
	t.Helper()
	text := l.sh(t, d.namespace, "writer", "cat /logs/writes; [ ! -e /logs/failed ] || sed 's/^/failed /' /logs/failed")
	var all []write
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if f[0] == "failed" {
			t.Fatalf("a write failed: %s", line)
		}
		if len(f) != 3 || !strings.Contains(f[2], ".") {
			continue // being written just now
		}
		w := write{began: seconds(t, f[1]), acked: seconds(t, f[2])}
		var n string
		w.by, n, _ = strings.Cut(f[0], "-")
		w.n, _ = strconv.Atoi(n)
		all = append(all, w)
	}
	return all
}

func seconds(t *testing.T, text string) float64 {
	t.Helper()
	s, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// now is the time of the pod.
func (d database) now(t *testing.T, l *lab) float64 {
	t.Helper()
	return seconds(t, l.sh(t, d.namespace, "writer", "date +%s.%N"))
}

// witness adds to a pre-exec rule, as the last thing before the cut, a look at the clock, and two seconds later another one.
// Both go into a file of the pod. What runs in between stands for a cut that takes its time.
func (d database) witness(r *salvor.Rule, file, cut string) *salvor.Rule {
	if cut == "" {
		cut = "true"
	}
	// What was acknowledged before may be logged a moment later.
	line := fmt.Sprintf("set -e; sleep 0.3; date +%%s.%%N >>/logs/%[1]s; %[2]s; sleep 2; date +%%s.%%N >>/logs/%[1]s", file, cut)
	r.Spec.SubRules = append(r.Spec.SubRules, salvor.SubRule{Name: "look", PodSelectors: []metav1.LabelSelector{{}},
		Actions: []salvor.Action{{Name: "look", Shell: line, Container: "writer"}}})
	return r
}

// frozen reads what a witness wrote: nothing, when the freeze began, or that and when it had to last until.
func (d database) frozen(t *testing.T, l *lab, file string) []float64 {
	t.Helper()
	var times []float64
	for _, f := range strings.Fields(l.sh(t, d.namespace, "writer", "cat /logs/"+file+" 2>/dev/null || true")) {
		times = append(times, seconds(t, f))
	}
	return times
}

// heldBetween checks that each client wrote before, and that none of them was told between the two times that it had written.
func (d database) heldBetween(t *testing.T, l *lab, from, to float64) {
	t.Helper()
	all := d.writes(t, l)
	for _, by := range d.clients {
		if !slices.ContainsFunc(all, func(w write) bool { return w.by == by && w.acked < from }) {
			t.Errorf("client %q did not write before the freeze, so it shows nothing", by)
		}
	}
	var inside []write
	for _, w := range all {
		if from <= w.acked && w.acked <= to {
			inside = append(inside, w)
		}
	}
	if len(inside) > 0 {
		t.Errorf("%d writes were acknowledged in the freeze of %.1f s from %.3f on, such as %+v", len(inside), to-from, from, inside[0])
	}
}

// goesOn waits until each client has written after the time, and returns when the last of them began to.
func (d database) goesOn(t *testing.T, l *lab, after float64) float64 {
	t.Helper()
	var missing []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all := d.writes(t, l)
		missing = nil
		last := after
		for _, by := range d.clients {
			i := slices.IndexFunc(all, func(w write) bool { return w.by == by && w.acked > after })
			if i < 0 {
				missing = append(missing, by)
				continue
			}
			last = max(last, all[i].acked)
		}
		if missing == nil {
			return last
		}
	}
	t.Fatalf("half a minute after the freeze clients %q still wait", missing)
	return 0
}

// acknowledged is how many writes of each client were, until then.
func (d database) acknowledged(t *testing.T, l *lab, until float64) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, w := range d.writes(t, l) {
		if w.acked < until {
			count[w.by] = max(count[w.by], w.n)
		}
	}
	return count
}
