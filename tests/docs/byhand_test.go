package docs_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/salvor"
)

// thing is an object of the application that is restored by hand, and what may differ afterwards.
type thing struct {
	res    cluster.Resource
	name   string
	fields string
	// mayDiffer are paths that the new cluster sets.
	mayDiffer []string
}

// application is one object of each sort that needs care, and one that holds what is easily broken on the way.
var application = []thing{
	{configMaps, "settings", `"data":{"text":"a \"quoted\" line\nand ümläuts <&> \u2028","empty":""},"binaryData":{"b":"AAH/"}`, nil},
	{secrets, "db", `"type":"Opaque","data":{"password":"c2VjcmV0"}`, nil},
	{accounts, "web", "", nil},
	{roles, "read", `"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]`, nil},
	{bindings, "read", `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"read"},"subjects":[{"kind":"ServiceAccount","name":"web"}]`, nil},
	{services, "web", `"spec":{"selector":{"app":"web"},"ports":[{"name":"http","port":80}]}`, []string{"spec.clusterIP", "spec.clusterIPs"}},
	{services, "headless", `"spec":{"clusterIP":"None","selector":{"app":"web"},"ports":[{"port":80}]}`, nil},
	{claims, "data", `"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"none","resources":{"requests":{"storage":"1Gi"}}}`, nil},
	{quotas, "most", `"spec":{"hard":{"pods":"10"}}`, nil},
	{deployments, "web", `"spec":{"replicas":1,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"serviceAccountName":"web","containers":[{"name":"c","image":"busybox:1"}]}}}`, nil},
	{jobs, "later", `"spec":{"suspend":true,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox:1"}]}}}`,
		[]string{"spec.selector", "metadata.labels", "spec.template.metadata.labels"}},
	{pods, "bare", `"spec":{"containers":[{"name":"c","image":"busybox:1"}]}`, nil},
	{widgets, "w", `"spec":{"deep":{"list":[1,2.5,true,null]}},"status":{"step":3}`, nil},
}

// live returns the application's objects as the cluster has them, without what any cluster sets anew.
func live(t *testing.T, c *kube.Client, ns string) map[string]any {
	t.Helper()
	found := map[string]any{}
	for _, thing := range application {
		raw, err := c.Get(t.Context(), thing.res, ns, thing.name)
		if err != nil {
			t.Errorf("reading %s %s: %v", thing.res, thing.name, err)
			continue
		}
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		for _, path := range append(thing.mayDiffer, "metadata.uid", "metadata.resourceVersion", "metadata.creationTimestamp", "metadata.generation", "metadata.managedFields") {
			drop(o, strings.Split(path, "."))
		}
		if thing.res.String() != widgets.String() {
			delete(o, "status")
		}
		found[thing.res.String()+"/"+thing.name] = o
	}
	return found
}

func drop(o map[string]any, path []string) {
	if len(path) == 1 {
		delete(o, path[0])
		return
	}
	if below, ok := o[path[0]].(map[string]any); ok {
		drop(below, path[1:])
	}
}

// shell runs lines of docs/format.md in bash, beside kubectl of the cluster.
func shell(t *testing.T, variables map[string]string, lines string) (string, error) {
	t.Helper()
	for _, tool := range []string{"bash", "jq", "zstd", "age"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("this test needs %s; make setup installs it", tool)
		}
	}
	run, err := filepath.Abs(filepath.Join(root, "tools", "run"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	kubectl := fmt.Sprintf("#!/bin/sh\nexec '%s' kubectl \"$@\"\n", run)
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte(kubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", lines)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mustShell wants every line to succeed.
func mustShell(t *testing.T, variables map[string]string, lines string) string {
	t.Helper()
	out, err := shell(t, variables, "set -euo pipefail\n"+lines)
	if err != nil {
		t.Fatalf("the lines failed: %v\n%s", err, out)
	}
	return out
}

func TestRestoringByHand(t *testing.T) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	defineWidgets(t, c)
	ns := namespace(t, c)
	for _, thing := range application {
		create(t, c, thing.res, ns, thing.name, thing.fields)
	}
	eventually(t, "the Deployment's controller to have seen it", func() bool {
		raw, err := c.Get(t.Context(), deployments, ns, "web")
		return err == nil && strings.Contains(string(raw), "deployment.kubernetes.io/revision")
	})
	h := newHome(t, dir.Options{})
	b := h.backUp(t, c, "before-upgrade", salvor.Scope{Namespaces: []string{ns}})
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	want := live(t, c, ns)
	page := read(t, "docs/format.md")
	variables := map[string]string{"KUBECONFIG": k.Kubeconfig, "location": h.dir, "cluster": "prod", "backup": "before-upgrade", "namespace": ns}
	remove(t, c, configMaps, ns, "settings")
	out := mustShell(t, variables, script(t, page, "sh check", "sh read", "sh one"))
	if diff := cmp.Diff(want, live(t, c, ns)); diff != "" {
		t.Errorf("one object restored by hand (-before +after):\n%s", diff)
	}
	for _, said := range []string{"manifest as written: " + b.Status.RootDigest, `"password": "c2VjcmV0"`, "customresourcedefinitions.apiextensions.k8s.io\t-\t1\t"} {
		if !strings.Contains(out, said) || strings.Contains(out, "DAMAGED") {
			t.Errorf("the lines should say %q and nothing of damage:\n%s", said, out)
		}
	}
	remove(t, c, namespaces, "", ns)
	remove(t, c, definitions, "", widgets.String())
	out = mustShell(t, variables, script(t, page, "sh check", "sh read", "sh namespace"))
	awaitWidgets(t, c)
	if diff := cmp.Diff(want, live(t, c, ns)); diff != "" {
		t.Errorf("a namespace restored by hand (-before +after):\n%s\n%s", diff, out)
	}
}

// damaged flips a bit here and there, and wants the lines that check a backup to say so.
func damaged(t *testing.T, page string, variables map[string]string) {
	check := script(t, page, "sh check")
	manifest := filepath.Join(variables["location"], "prod", "backups", "before-upgrade", "manifest.json")
	segments, err := filepath.Glob(filepath.Join(variables["location"], "prod", "segments", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	for _, tt := range []struct {
		file string
		at   func(size int) int
	}{
		{manifest, func(int) int { return 20 }},
		{manifest, func(size int) int { return size - 70 }},
		{manifest, func(size int) int { return size - 10 }},
		{segments[0], func(int) int { return 0 }},
		{segments[0], func(size int) int { return size / 2 }},
		{segments[0], func(size int) int { return size - 40 }},
		{segments[0], func(size int) int { return size - 33 }},
		{segments[0], func(size int) int { return size - 1 }},
	} {
		sound, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), sound...)
		at := tt.at(len(bad))
		bad[at] ^= 4
		if err := os.WriteFile(tt.file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := shell(t, variables, check)
		if !strings.Contains(out, "DAMAGED") {
			t.Errorf("a flipped bit in byte %d of %d of %s is not found:\n%s", at, len(bad), filepath.Base(tt.file), out)
		}
		if err := os.WriteFile(tt.file, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDecryptingByHand(t *testing.T) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	ns := namespace(t, c)
	create(t, c, secrets, ns, "db", `"data":{"password":"c2VjcmV0"}`)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, dir.Options{Recipients: []age.Recipient{key.Recipient()}, Identities: []age.Identity{key}})
	h.backUp(t, c, "before-upgrade", salvor.Scope{Namespaces: []string{ns}})

	keyFile, plain := filepath.Join(t.TempDir(), "key.txt"), t.TempDir()
	if err := os.WriteFile(keyFile, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	page := read(t, "docs/format.md")
	variables := map[string]string{"location": h.dir, "cluster": "prod", "backup": "before-upgrade", "namespace": ns, "key": keyFile, "plain": plain}
	out := mustShell(t, variables, script(t, page, "sh encrypted")+"location=$plain\n"+script(t, page, "sh check"))
	if !strings.Contains(out, "manifest as written") || strings.Contains(out, "DAMAGED") {
		t.Fatalf("the decrypted copy is not as written:\n%s", out)
	}
	encrypted, decrypted := tree(t, filepath.Join(h.dir, "prod")), tree(t, filepath.Join(plain, "prod"))
	if diff := cmp.Diff(encrypted, decrypted); diff != "" || len(decrypted) < 4 {
		t.Errorf("files (-encrypted +decrypted):\n%s", diff)
	}
	variables["location"] = plain
	t.Run("a flipped bit is found", func(t *testing.T) { damaged(t, page, variables) })
}

// tree lists the files below a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
