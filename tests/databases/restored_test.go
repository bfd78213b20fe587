package databases_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// reader is a pod on the restored volume that starts no server by itself: what is to be run in it is.
const reader = `apiVersion: v1
kind: Pod
metadata: {name: db, namespace: %[1]s}
spec:
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  securityContext: {runAsUser: %[2]d, runAsGroup: %[2]d}
  containers:
    - {name: reader, image: "localhost/salvor/databases:1", env: [{name: %[3]s, value: %[4]q}], command: [sleep, infinity], volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`

// isRestored restores the volume of backup "held" into another namespace, and starts a server on it: it holds the writes that
// were acknowledged, in a row, and of each client at most the one that it was waiting for.
func (d database) isRestored(t *testing.T, h home, hold string, want map[string]int) {
	t.Helper()
	into := d.namespace + "-" + hold
	password := h.sh(t, d.namespace, "writer", `printf %s "$`+d.password+`"`)
	pod := filepath.Join(h.dir, "reader.yaml")
	if err := os.WriteFile(pod, fmt.Appendf(nil, reader, into, d.user, d.password, password), 0o600); err != nil {
		t.Fatal(err)
	}
	var both errgroup.Group // a volume is made when its first pod is there
	both.Go(func() error {
		out, err := h.run("restore", "held", "--name", "into-"+into, "--map", d.namespace+"="+into, "--yes")
		if err != nil {
			return fmt.Errorf("restoring: %w\n%s", err, out)
		}
		return nil
	})
	both.Go(func() (err error) {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if _, err = h.TryKubectl(t.Context(), "apply", "-f", pod); err == nil {
				_, err = h.TryKubectl(t.Context(), "wait", "--for=condition=Ready", "pod/db", "-n", into, "--timeout=1m")
				return err
			}
		}
		return err
	})
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	got := d.counts(t, h.sh(t, into, "reader", "at=/data; "+d.reads))
	for by, n := range want {
		if got[by] < n || got[by] > n+1 {
			t.Errorf("restored are %d writes of client %s, of which %d were acknowledged", got[by], by, n)
		}
	}
	if _, err := h.TryKubectl(t.Context(), "delete", "namespace", into, "--wait=false"); err != nil {
		t.Error(err)
	}
}

// counts is how many writes of each client a server has, by what reads printed. They have to be the first ones.
func (d database) counts(t *testing.T, printed string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(printed) {
		var by string
		var n, last int
		if _, err := fmt.Sscan(line, &by, &n, &last); err != nil || n != last {
			t.Errorf("of the writes of %s some are missing: there are %d, and the last is %d (%v)", by, n, last, err)
		}
		counts[by] = n
	}
	return counts
}
