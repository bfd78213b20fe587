package eks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

var (
	namespaces = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}
)

// program is the real command in a home of its own, as the user of AWS.
type program struct {
	t    *testing.T
	path string
	dir  string
	env  []string
}

func newProgram(t *testing.T, k testenv.EKSServer) *program {
	t.Helper()
	dir := t.TempDir()
	return &program{t, testenv.Salvor(t), dir, append(k.AWS.Env(), "SALVOR_HOME="+filepath.Join(dir, "home"), "TZ=UTC")}
}

// run expects the command to end with the code and returns all that it printed.
func (p *program) run(code int, args ...string) string {
	p.t.Helper()
	out, got := p.start(args...)
	if got != code {
		p.t.Fatalf("salvor %s ended with %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// output returns what a command printed that may end in any way.
func (p *program) output(args ...string) string {
	p.t.Helper()
	out, _ := p.start(args...)
	return out
}

// start runs a command. A token is never in what it prints.
func (p *program) start(args ...string) (string, int) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.path, args...)
	cmd.Env = append(os.Environ(), p.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	silent(p.t, out.String())
	return out.String(), cmd.ProcessState.ExitCode()
}

// silent fails if a token is in the text.
func silent(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "k8s-aws-v1.") {
		t.Errorf("a token is in: %s", text)
	}
}

// says fails for each text that is not in what was said.
func says(t *testing.T, said string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(said, s) {
			t.Errorf("it does not say %q:\n%s", s, said)
		}
	}
}

// configOf is the AWS configuration of the user, as a program with the environment has it.
func configOf(t *testing.T, k testenv.EKSServer) aws.Config {
	t.Helper()
	for _, e := range k.AWS.Env() {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	config, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithCredentialsProvider(
		credentials.NewStaticCredentialsProvider(k.AWS.AccessKey, k.AWS.SecretKey, "")))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// admin may do everything in the cluster.
func admin(t *testing.T, k testenv.EKSServer) *kube.Client {
	t.Helper()
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: k.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fill makes a namespace with ConfigMaps, and returns its name.
func fill(t *testing.T, k testenv.EKSServer, n int) string {
	t.Helper()
	c, ns := admin(t, k), "t-"+testenv.Unique()
	put := func(r cluster.Resource, ns string, o map[string]any) {
		t.Helper()
		o["apiVersion"], o["kind"] = r.APIVersion(), r.Kind
		body, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Create(t.Context(), r, ns, body); err != nil {
			t.Fatal(err)
		}
	}
	put(namespaces, "", map[string]any{"metadata": map[string]any{"name": ns}})
	for i := range n {
		put(configMaps, ns, map[string]any{"metadata": map[string]any{"name": fmt.Sprintf("c%03d", i)}})
	}
	return ns
}

// applyRights applies infra/kubernetes/rbac.yaml.
func applyRights(t *testing.T, k testenv.EKSServer) {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "tools", "run"), "kubectl", "apply", "-f", "infra/kubernetes/rbac.yaml")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "KUBECONFIG="+k.Kubeconfig)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

// parameters reads those of the command that was printed.
func parameters(t *testing.T, printed string) map[string]string {
	t.Helper()
	_, text, ok := strings.Cut(printed, "--parameter-overrides ")
	if !ok {
		t.Fatalf("no command is printed:\n%s", printed)
	}
	text, _, _ = strings.Cut(text, "\n\n")
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`(\w+)=(\S+)`).FindAllStringSubmatch(text, -1) {
		found[m[1]] = m[2]
	}
	return found
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// roleARN is one of the cluster's account that no other test has.
func roleARN() string { return "arn:aws:iam::444455556666:role/salvor-" + testenv.Unique() }
