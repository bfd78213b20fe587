package node // what is rendered is not for others to see

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testNode(id string) *Node {
	return &Node{ID: id, Dir: "/d", CA: "/ca", Cert: "/crt", Key: "/key", Port: 1234}
}

func TestNodesKeepApart(t *testing.T) {
	a, b := testNode("0aff1234"), testNode("0afe1234")
	for what, names := range map[string][2]string{
		"name":     {a.Name(), b.Name()},
		"instance": {a.InstanceID(), b.InstanceID()},
		"bridge":   {a.bridge(), b.bridge()},
		"cgroup":   {a.cgroup(), b.cgroup()},
		"subnet":   {a.subnet(), b.subnet()},
	} {
		if names[0] == names[1] {
			t.Errorf("%s: both have %s", what, names[0])
		}
	}
	if got := a.Name(); got != "ip-10-10-255-10.ec2.internal" {
		t.Errorf("name %s", got)
	}
	if got := a.InstanceID(); len(got) != len("i-0123456789abcdef0") {
		t.Errorf("instance id %s is not in the form of EC2", got)
	}
	if len(a.bridge()) > 15 {
		t.Errorf("bridge %s is longer than a link's name may be", a.bridge())
	}
}

func TestNetworkIsABridgeWithoutGateway(t *testing.T) {
	raw, err := testNode("0aff1234").network()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name    string
		Plugins []map[string]any
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"type": "bridge", "bridge": "sv0aff1234", "isGateway": false, "ipam": map[string]any{
		"type": "host-local", "dataDir": "/d/ipam", "ranges": []any{[]any{map[string]any{"subnet": "10.10.255.0/24"}}}}}}
	if diff := cmp.Diff(want, got.Plugins); diff != "" {
		t.Error(diff)
	}
}

func TestKubeletServesOnLoopbackToThoseWithACertificate(t *testing.T) {
	raw, err := testNode("0aff1234").kubeletConfig()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Address        string
		Port           int
		HealthzPort    int
		CgroupRoot     string
		Authentication struct {
			Anonymous struct{ Enabled bool }
			X509      struct{ ClientCAFile string }
		}
		Authorization struct{ Mode string }
		EvictionHard  map[string]string
	}
	got.Authentication.Anonymous.Enabled = true // must be told otherwise
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Address != "127.0.0.1" || got.Port != 1234 || got.HealthzPort != 0 || got.Authentication.Anonymous.Enabled ||
		got.Authentication.X509.ClientCAFile != "/ca" || got.Authorization.Mode != "Webhook" || got.CgroupRoot != "/salvor-0aff1234" {
		t.Errorf("got %+v", got)
	}
	for signal, threshold := range got.EvictionHard {
		if threshold != "0%" {
			t.Errorf("pods are evicted at %s %s", signal, threshold)
		}
	}
}

func TestRuntimeIsTheNodesOwn(t *testing.T) {
	got := testNode("0aff1234").runtimeConfig("/cni", "native")
	for _, want := range []string{`root = "/d/containerd"`, `conf_dir = "/d/cni"`, `bin_dir = "/cni"`, `snapshotter = "native"`, `sandbox_image = "` + PauseImage + `"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestBusyboxImageHasAShell(t *testing.T) {
	if _, err := findProgram("busybox"); err != nil {
		t.Fatalf("%v: `tools/run setup` installs it", err)
	}
	img, err := busybox()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, f := range img.Files {
		have[f.Path] = true
	}
	for _, want := range []string{"bin/sh", "bin/cat", "bin/sleep", "tmp/"} {
		if !have[want] {
			t.Errorf("no %s in the image", want)
		}
	}
	if strings.HasSuffix(img.Tag, ":latest") {
		t.Errorf("tag %s would be pulled from a registry", img.Tag)
	}
}

func TestNewCpusetHasItsParentsCPUs(t *testing.T) {
	parent := t.TempDir()
	own := filepath.Join(parent, "own")
	for _, err := range []error{
		os.Mkdir(own, 0o755),
		os.WriteFile(filepath.Join(parent, "cpuset.cpus"), []byte("0-1\n"), 0o644),
		os.WriteFile(filepath.Join(parent, "cpuset.mems"), []byte("0\n"), 0o644),
		inheritCPUs(parent, own),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if raw, _ := os.ReadFile(filepath.Join(own, "cpuset.cpus")); string(raw) != "0-1\n" {
		t.Errorf("cpuset.cpus is %q", raw)
	}
	if err := inheritCPUs(t.TempDir(), own); err != nil {
		t.Errorf("a controller without cpusets: %v", err)
	}
}

func TestDelegationHandsEveryControllerDown(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte("pids"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := delegate(dir); err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); string(raw) != "+pids" {
		t.Errorf("cgroup.subtree_control was written %q", raw)
	}
}

func TestOnlyAContainersRootIsEmptied(t *testing.T) {
	for kind, file := range map[string]string{"machine": "cgroup.stat", "container": "cgroup.type"} {
		dir := t.TempDir()
		for name, text := range map[string]string{file: "", "cgroup.procs": "1\n2\n", "cgroup.controllers": ""} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := delegate(dir); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "init", "cgroup.procs"))
		if kind == "machine" && err == nil {
			t.Error("the processes of the machine's root were moved")
		}
		if kind == "container" && string(raw) != "2" { // a file keeps the last that was written
			t.Errorf("moved %q, want each, the last being 2 (%v)", raw, err)
		}
	}
}

func TestRemovingATreeOfDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.MkdirAll(filepath.Join(dir, "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing, and is content
		if err := removeTree(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
