package tests

import (
	"encoding/json"
	"strings"
	"testing"

	"salvor.io/salvor/shared/backup"
)

// salvor scope shows what a backup with the same flags then holds, and needs no location.
func TestScopeShowsWhatABackupTakes(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.configMap(t, ns, "settings", "before")
	l.configMap(t, ns, "other", "before")
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	table := c.expect(0, "scope", "--object", "configmaps/"+ns+"/settings").stdout
	if !strings.Contains(table, "named by configmaps "+ns+"/settings") || strings.Contains(table, "other") || !strings.HasSuffix(table, "\n2 objects\n") {
		t.Errorf("the table is\n%s", table)
	}
	if got, want := c.expect(0, "scope", "--object", "configmaps/"+ns+"/set*", "-o", "name").stdout, "namespaces/"+ns+"\nconfigmaps/"+ns+"/settings\n"; got != want {
		t.Errorf("the names are %q, want %q", got, want)
	}
	file := c.file("backup.yaml", "{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: b}, spec: {cluster: here, location: disk, scope: {namespaces: ["+ns+"], kinds: [configmaps]}}}")
	var report backup.ScopeReport
	if err := json.Unmarshal([]byte(c.expect(0, "scope", "-f", file, "-o", "json").stdout), &report); err != nil || len(report.Objects) != 3 || report.Revision == "" {
		t.Errorf("the report is %+v, %v", report, err)
	}
	if yaml := c.expect(0, "scope", "-f", file, "-o", "yaml").stdout; !strings.Contains(yaml, "reason: in a chosen namespace") {
		t.Errorf("as YAML it is\n%s", yaml)
	}
	if e := c.run("scope", "-n", ns, "-l", "app=nobody"); e.code == 0 || !strings.Contains(e.stderr, `labelSelector "app=nobody"`) {
		t.Errorf("what matches nothing ends with %d and says\n%s", e.code, e.stderr)
	}
	if e := c.run("scope", "-f", file, "-n", ns); e.code == 0 {
		t.Error("flags beside a document are taken")
	}
}
