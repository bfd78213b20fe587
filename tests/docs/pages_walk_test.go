package docs_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// apply applies documents.
func (c *terminal) apply(t *testing.T, documents string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "documents.yaml")
	if err := os.WriteFile(file, []byte(documents), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(t, "salvor apply -f "+file)
}

// docs/schedules.md: its own policy and schedule, of the clusters that it names.
func TestSchedulesWalkThrough(t *testing.T) {
	c := newTerminal(t, "")
	c.run(t, "salvor location add disk --dir ~/backups")
	for _, name := range []string{"eu", "prod"} {
		c.apply(t, "{apiVersion: salvor.io/v1, kind: Cluster, metadata: {name: "+name+", labels: {stage: prod}}, spec: {id: "+name+", kubeconfig: {}}}")
	}
	c.apply(t, blocks(read(t, "docs/schedules.md"))[0].text)
	c.walk(t, "docs/schedules.md", 1)
}

// docs/retention.md: three backups of a schedule whose policy keeps the newest, and two days of Auckland.
func TestRetentionWalkThrough(t *testing.T) {
	c := newTerminal(t, "")
	c.run(t, "salvor location add disk --dir ~/backups")
	c.apply(t, `{apiVersion: salvor.io/v1, kind: Cluster, metadata: {name: prod}, spec: {id: prod, kubeconfig: {}}}
---
{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: nightly}, spec: {timeZone: Pacific/Auckland, interval: 6h, retention: {last: 1, daily: 2}}}
---
apiVersion: salvor.io/v1
kind: BackupSchedule
metadata: {name: nightly}
spec: {policy: nightly, suspend: true, template: {spec: {cluster: prod, location: disk, scope: {namespaces: [shop]}}}}
`)
	catalog, err := sqlite.Open(filepath.Join(c.home, ".local", "share", "salvor", "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	for name, at := range map[string]string{"n2": "2026-11-21T02:00:00Z", "n3": "2026-11-21T10:30:00Z", "n4": "2026-11-21T12:00:00Z"} {
		cut, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		b := &salvor.Backup{TypeMeta: meta(salvor.KindBackup), ObjectMeta: salvor.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(cut)},
			Spec:   salvor.BackupSpec{Cluster: "prod", Location: "disk", Schedule: "nightly", Scope: salvor.Scope{Namespaces: []string{"shop"}}},
			Status: salvor.BackupStatus{ClusterID: "prod", Phase: salvor.PhaseCompleted, CutAt: metav1.NewMicroTime(cut), Namespaces: []string{"shop"}}}
		if err := catalog.CreateBackup(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	c.walk(t, "docs/retention.md", 4)
}

// docs/search.md: a backup is found by the lines there, and again when the catalog was lost.
func TestSearchWalkThrough(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	t.Cleanup(func() {
		_ = admin.Delete(context.WithoutCancel(t.Context()), namespaces, "", "shop", kube.DeleteOptions{})
	})
	c := newTerminal(t, k.Kubeconfig)
	for _, line := range []string{
		"kubectl create namespace shop", "kubectl -n shop create deployment web --image=none --replicas=0", "kubectl -n shop label deployment web app=shop --overwrite",
		"salvor cluster add prod", "salvor location add disk --dir ~/backups",
		"salvor backup create whole -n shop", "salvor backup create chosen -n shop -l app=shop",
	} {
		c.run(t, line)
	}
	page := read(t, "docs/search.md")
	found := map[string]string{"--app": "chosen ", "--contains": "whole ", "--calendar": "2 backups"}
	for line := range strings.Lines(script(t, page, "sh searches")) {
		command, _, _ := strings.Cut(line, " #")
		out := c.run(t, strings.TrimSpace(command))
		for flag, want := range found {
			if strings.Contains(command, flag) {
				delete(found, flag)
				if !strings.Contains(out, want) {
					t.Errorf("%s does not find %q:\n%s", command, want, out)
				}
			}
		}
	}
	if len(found) > 0 {
		t.Errorf("docs/search.md has no line with %v", found)
	}
	c.walk(t, "docs/search.md", 2)
	if out := c.run(t, "salvor backups -o name"); out != "backup/prod/chosen\nbackup/prod/whole\n" {
		t.Errorf("what came back:\n%s", out)
	}
}
