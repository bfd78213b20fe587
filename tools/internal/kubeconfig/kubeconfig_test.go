package kubeconfig_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tools/internal/kubeconfig"
)

func TestSavedFileIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	c := kubeconfig.Config{Cluster: "c", Server: "https://127.0.0.1:1", User: "bob", CA: []byte("ca\n"), Cert: []byte("cert\n"), Key: []byte("key\n")}
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds a key and has mode %v (%v), want 0600", info.Mode(), err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type named struct {
		Name    string
		Context map[string]string
		Cluster map[string]string
		User    map[string]string
	}
	var got struct {
		Current  string `json:"current-context"`
		Contexts []named
		Clusters []named
		Users    []named
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Current = "c"
	want.Contexts = []named{{Name: "c", Context: map[string]string{"cluster": "c", "user": "bob"}}}
	want.Clusters = []named{{Name: "c", Cluster: map[string]string{"server": "https://127.0.0.1:1", "certificate-authority-data": "Y2EK"}}}
	want.Users = []named{{Name: "bob", User: map[string]string{"client-certificate-data": "Y2VydAo=", "client-key-data": "a2V5Cg=="}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
