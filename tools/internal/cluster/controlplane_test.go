package cluster // the arguments are not for others to see

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testPorts = ports{etcd: 1001, etcdPeer: 1002, apiserver: 1003, kubelet: 1004}

// listens finds the flags that say where a server listens.
var listens = regexp.MustCompile(`^--(listen-.*-urls|bind-address|advertise.*|secure-port)=(.*)$`)

func TestEverythingListensOnLoopback(t *testing.T) {
	where := map[string]string{}
	for _, args := range [][]string{
		etcdArgs("/d", testPorts), apiserverArgs("/d", testPorts, nil), controllerManagerArgs("/d"), schedulerArgs("/d"),
	} {
		for _, a := range args {
			if m := listens.FindStringSubmatch(a); m != nil {
				where[m[1]] += m[2] + ";"
			}
		}
	}
	want := map[string]string{
		"listen-client-urls":    "https://127.0.0.1:1001;",
		"advertise-client-urls": "https://127.0.0.1:1001;",
		"listen-peer-urls":      "https://127.0.0.1:1002;",
		"bind-address":          "127.0.0.1;",
		"advertise-address":     "127.0.0.1;",
		"secure-port":           "1003;0;0;", // the other two don't listen at all
	}
	if diff := cmp.Diff(want, where); diff != "" {
		t.Error(diff)
	}
}

func TestEtcdAsksForACertificate(t *testing.T) {
	args := etcdArgs("/d", testPorts)
	for _, want := range []string{"--client-cert-auth", "--peer-client-cert-auth", "--trusted-ca-file=/d/pki/ca.crt"} {
		if !slices.Contains(args, want) {
			t.Errorf("no %s in %v", want, args)
		}
	}
}

func TestTheCallersArgumentsHaveTheLastWord(t *testing.T) {
	args := apiserverArgs("/d", testPorts, []string{"--authorization-mode=AlwaysAllow"})
	last := ""
	for _, a := range args {
		if strings.HasPrefix(a, "--authorization-mode=") {
			last = a
		}
	}
	if last != "--authorization-mode=AlwaysAllow" {
		t.Errorf("the last is %s", last)
	}
}

func TestAUserNeedsNoRunningServer(t *testing.T) {
	c := &Cluster{Name: "c", Dir: t.TempDir(), Now: fixedNow}
	r := &run{Cluster: c, layout: layout(c.Dir)}
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	path, err := User(Result{Name: "c", Dir: c.Dir, Server: "https://127.0.0.1:1"}, "system:a/b", []string{"g"}, fixedNow())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(strings.TrimPrefix(path, c.Dir), "/") != 1 {
		t.Errorf("the file is at %s, outside of %s", path, c.Dir)
	}
}

func fixedNow() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
