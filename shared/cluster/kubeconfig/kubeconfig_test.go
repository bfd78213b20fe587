package kubeconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
)

const good = `
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: one
  cluster: {server: "https://one.example:6443", certificate-authority: ca.crt}
- name: two
  cluster: {server: "https://two.example:6443", insecure-skip-tls-verify: true}
users:
- name: me
  user: {token: s3cr3t}
- name: plugin
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks, get-token], interactiveMode: Never}
contexts:
- name: prod
  context: {cluster: one, user: me}
- name: eks
  context: {cluster: two, user: plugin}
- name: broken
  context: {cluster: nowhere, user: me}
- name: nobody
  context: {cluster: one, user: gone}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "ca.crt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig(t *testing.T) {
	path := write(t, good)
	c, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "https://one.example:6443" || c.BearerToken != "s3cr3t" {
		t.Errorf("the current context was not taken: %s", c.Host)
	}
	if want := filepath.Join(filepath.Dir(path), "ca.crt"); c.CAFile != want {
		t.Errorf("a relative path is one from the file: got %s, want %s", c.CAFile, want)
	}
	c, err = kubeconfig.Config(salvor.KubeconfigCluster{Path: path, Context: "eks"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "https://two.example:6443" || c.ExecProvider == nil || c.ExecProvider.Command != "aws" {
		t.Errorf("the plugin's context was not taken: %v", c)
	}
}

func TestConfigOfTheEnvironment(t *testing.T) {
	t.Setenv("KUBECONFIG", "/nowhere/config:"+write(t, good))
	c, err := kubeconfig.Config(salvor.KubeconfigCluster{Context: "eks"})
	if err != nil || c.Host != "https://two.example:6443" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := map[string]struct {
		text, path, context string
		code                salvor.Code
		says                []string
	}{
		"no file":                    {path: "/nowhere/config", code: salvor.NotFound, says: []string{"/nowhere/config", "does not exist"}},
		"an unknown context":         {text: good, context: "prd", code: salvor.NotFound, says: []string{`"prd"`, `it has "broken", "eks", "nobody", "prod"`}},
		"no current context":         {text: strings.Replace(good, "current-context: prod", "", 1), code: salvor.NotFound, says: []string{`"prod"`}},
		"a cluster that isn't there": {text: good, context: "broken", code: salvor.Invalid, says: []string{"broken", `no cluster "nowhere"`}},
		"a user that isn't there":    {text: good, context: "nobody", code: salvor.Invalid, says: []string{`no user "gone"`}},
		"not YAML":                   {text: "{", code: salvor.Invalid},
		"an empty file":              {text: "\n", code: salvor.NotFound},
		"a directory":                {path: "/", code: salvor.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := tt.path
			if path == "" {
				path = write(t, tt.text)
			}
			_, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: path, Context: tt.context})
			if !salvor.Is(err, tt.code) {
				t.Fatalf("got %v, want code %s", err, tt.code)
			}
			for _, s := range append(tt.says, path) {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %s", err, s)
				}
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%q holds a secret", err)
			}
		})
	}
}

// In a pod of another cluster, the service account must not stand in for a file that isn't there.
func TestConfigNeverOfThePod(t *testing.T) {
	t.Setenv("KUBECONFIG", "/nowhere/config")
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if c, err := kubeconfig.Config(salvor.KubeconfigCluster{}); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("got %v, %v", c, err)
	}
}
