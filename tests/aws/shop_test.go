package aws_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/function"
)

// shop is an application whose pod notes in a file whenever it is frozen and thawed.
type shop struct {
	*world
	ns, backup string
}

// newShops makes a stack whose watchdog has to keep applications going, and so many of them, frozen by the shell line
// before the cut and thawed by the one after it.
func newShops(t *testing.T, n int, before, after string) (*world, []*shop) {
	t.Helper()
	w := newWorld(t)
	for name, line := range map[string]string{"freeze": before, "thaw": after} {
		action, err := json.Marshal(map[string]string{"shell": line})
		if err != nil {
			t.Fatal(err)
		}
		w.create("rules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Rule","metadata":{"name":%q},
			"spec":{"subRules":[{"podSelectors":[{"matchLabels":{"app":"shop"}}],"actions":[%s]}]}}`, name, action))
	}
	var shops []*shop
	for i := range n {
		s := &shop{world: w, ns: w.namespace(), backup: fmt.Sprintf("b%d", i+1)}
		w.put(podKind, s.ns, "shop", `,"spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"main","image":"localhost/salvor/busybox:1","imagePullPolicy":"IfNotPresent","command":["sleep","infinity"]}]}`)
		if _, err := w.kube.Patch(t.Context(), podKind, s.ns, "shop", types.MergePatchType, []byte(`{"metadata":{"labels":{"app":"shop"}}}`)); err != nil {
			t.Fatal(err)
		}
		shops = append(shops, s)
	}
	for _, s := range shops {
		w.k.Kubectl(t, "wait", "-n", s.ns, "--for=condition=Ready", "pod/shop", "--timeout=120s")
	}
	return w, shops
}

// document is the backup, as it is asked for.
func (s *shop) document() string {
	return fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":%q},"spec":{"cluster":"prod","location":"bucket",
		"scope":{"namespaces":[%q],"kinds":["configmaps"]},"preExecRule":"freeze","postExecRule":"thaw"}}`, s.backup, s.ns)
}

// begin has the backup function make the backup, and returns what its answer will be.
func (s *shop) begin() <-chan function.Result {
	answer := make(chan function.Result, 1)
	go func() {
		r, err := s.Function("BackupFunction").Invoke(s.t.Context(), []byte(s.document()), function.Options{})
		if err != nil {
			r.Error = err.Error()
		}
		answer <- r
	}()
	return answer
}

// note has the pod note a word and the time.
func note(word string) string { return `echo ` + word + ` $(date +%s) >>/tmp/notes` }

// notes are the words that the pod has noted so far, and when.
func (s *shop) notes() (words []string, times []time.Time) {
	s.t.Helper()
	for line := range strings.Lines(s.sh("cat /tmp/notes 2>/dev/null || true")) {
		var word string
		var unix int64
		if _, err := fmt.Sscan(line, &word, &unix); err != nil {
			s.t.Fatalf("the pod notes %q: %v", line, err)
		}
		words, times = append(words, word), append(times, time.Unix(unix, 0))
	}
	return words, times
}

// words are the notes without the times.
func (s *shop) words() []string {
	s.t.Helper()
	words, _ := s.notes()
	return words
}

// sh runs a line in the pod. It is called again and again: a kubectl each time would cost more than the stack.
func (s *shop) sh(line string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	r := cluster.ExecRequest{Namespace: s.ns, Pod: "shop", Container: "main", Command: []string{"sh", "-c", line}, Stdout: &out, Stderr: &errs}
	if err := s.kube.Exec(s.t.Context(), r); err != nil {
		s.t.Fatalf("%s in %s: %v\n%s", line, s.ns, err, &errs)
	}
	return out.String()
}

// until waits until a word has been noted so often, and returns when it was.
func (s *shop) until(word string, times int, most time.Duration) time.Time {
	s.t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(300 * time.Millisecond) {
		words, at := s.notes()
		n := 0
		for i, w := range words {
			if n += count([]string{w}, word); n == times {
				return at[i]
			}
		}
		if time.Now().After(end) {
			s.t.Fatalf("after %s the application in %s is still not %s: %v", most, s.ns, word, words)
		}
	}
}

// ended waits until the state machine has nothing left to do, and returns the backup.
func (s *shop) ended() *salvor.Backup {
	s.t.Helper()
	var b *salvor.Backup
	s.Eventually("the backup has ended", func() bool {
		s.Machine.Idle()
		b = s.getBackup(s.backup)
		return b.Status.Phase.Done()
	})
	return b
}

// leaseOver waits until the lease of the killed worker has ended.
func (s *shop) leaseOver() {
	s.t.Helper()
	time.Sleep(time.Until(s.getBackup(s.backup).Status.Lease.Expires.Add(time.Second)))
}

// metric is the last value of a metric that the watchdog has told CloudWatch, -1 before the first. A line arrives a moment
// after the answer of the function that wrote it.
func (w *world) metric(name string) float64 {
	last := -1.0
	for _, line := range w.Logs() {
		source, text, _ := strings.Cut(line, " ")
		var m map[string]any
		if !strings.HasSuffix(source, "-watchdog") || json.Unmarshal([]byte(text), &m) != nil || m["_aws"] == nil {
			continue
		}
		if v, ok := m[name].(float64); ok {
			last = v
		}
	}
	return last
}

// record is the event of one message.
func record(t *testing.T, body string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "m1", "body": body, "eventSource": "aws:sqs"}}})
	if err != nil {
		t.Error(err)
	}
	return string(data)
}
