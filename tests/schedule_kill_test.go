package tests

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
)

// Three servers of one home fire the same schedules, of two clusters each, and are killed again and again while schedules
// become due. Each run is made once for each cluster, is completed, and there is no other.
func TestServersThatAreKilledFireEachScheduleOnce(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	for i := range 20 {
		l.configMap(t, ns, fmt.Sprintf("settings-%d", i), "before")
	}
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	var objects strings.Builder
	for _, name := range []string{"here", "there"} {
		fmt.Fprintf(&objects, "apiVersion: salvor.io/v1\nkind: Cluster\nmetadata: {name: %s, labels: {stage: prod}}\nspec: {kubeconfig: {path: %s}}\n---\n", name, l.Kubeconfig)
	}
	objects.WriteString("apiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: daily}\nspec: {interval: 24h}\n") // the first run is when the schedule is made
	c.expect(0, "apply", "-f", c.file("objects.yaml", objects.String()))

	servers := make([]*exec.Cmd, 3)
	start := func(i int) {
		servers[i] = c.command("serve", "--poll", "100ms", "--parallel", "2")
		if err := servers[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	kill := func(i int) {
		_ = servers[i].Process.Kill() // SIGKILL
		_ = servers[i].Wait()
	}
	for i := range servers {
		start(i)
	}
	t.Cleanup(func() {
		for i := range servers {
			kill(i)
		}
	})
	for i := range 8 {
		c.expect(0, "apply", "-f", c.file("schedule.yaml", fmt.Sprintf("apiVersion: salvor.io/v1\nkind: BackupSchedule\nmetadata: {name: s%d}\n"+
			"spec: {policy: daily, clusterSelector: {matchLabels: {stage: prod}}, template: {spec: {location: disk, scope: {namespaces: [%s]}}}}\n", i, ns)))
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		for victim := range rand.IntN(len(servers)) + 1 {
			kill(victim)
			start(victim)
		}
	}
	var want []string
	for i := range 8 {
		var s salvor.BackupSchedule
		if err := json.Unmarshal([]byte(c.expect(0, "get", "schedule", fmt.Sprintf("s%d", i), "-o", "json").stdout), &s); err != nil {
			t.Fatal(err)
		}
		name := salvor.RunName(s.Name, s.CreationTimestamp.Time)
		want = append(want, "here/"+name+" Completed", "there/"+name+" Completed")
	}
	slices.Sort(want)
	var got []string
	again := 0
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(time.Second) { // leases of the killed have to end
		var page struct{ Items []salvor.Backup }
		if err := json.Unmarshal([]byte(c.expect(0, "backups", "-o", "json").stdout), &page); err != nil {
			t.Fatal(err)
		}
		got, again = nil, 0
		for _, b := range page.Items {
			got = append(got, fmt.Sprintf("%s %s", b.ID(), b.Status.Phase))
			again += int(b.Status.Lease.Epoch) - 1
		}
		slices.Sort(got)
		if slices.Equal(want, got) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("(-named +made) %s", cmp.Diff(want, got))
		}
	}
	t.Logf("%d runs, of which %d were taken over from a killed server", len(got), again)
}
