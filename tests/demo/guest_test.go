package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"salvor.io/salvor/tests/testenv"
)

// localImage is the one that the throw-away cluster has.
const localImage = "localhost/salvor/busybox:1"

// cue is what to do once the screen shows something.
type cue struct {
	shows string
	do    func(pid int)
}

// demo runs the demo on the cluster. The cues come one after the other.
func demo(t *testing.T, kubeconfig string, cues []cue, args ...string) (screen string, code int) {
	t.Helper()
	return watch(t, cues, append([]string{testenv.Program(t, "./tests/demo"), "--salvor", testenv.Salvor(t), "--kubeconfig", kubeconfig, "--image", localImage}, args...)...)
}

// watch runs the demo's command line.
func watch(t *testing.T, cues []cue, words ...string) (screen string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+tools(t)+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal does
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		for buf := make([]byte, 4096); ; {
			n, err := out.Read(buf)
			text.Write(buf[:n])
			for len(cues) > 0 && strings.Contains(text.String(), cues[0].shows) {
				cues[0].do(cmd.Process.Pid)
				cues = cues[1:]
			}
			if err != nil {
				return
			}
		}
	}()
	err := cmd.Wait()
	in.Close()
	<-read
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	if len(cues) > 0 {
		t.Errorf("the demo never came to %q:\n%s", cues[0].shows, &text)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// tools is the folder of kubectl.
func tools(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "../../tools/run", "env").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if bin, ok := strings.CutPrefix(line, "bin="); ok {
			return strings.TrimSpace(bin)
		}
	}
	t.Fatal("tools/run env names no bin")
	return ""
}

// kubectl is the owner of the cluster.
func kubectl(t *testing.T, k testenv.KubeServer, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(tools(t), "kubectl"), append([]string{"--kubeconfig", k.Kubeconfig}, args...)...).Output()
	if err != nil {
		t.Fatalf("kubectl %v: %v", args, err)
	}
	return string(out)
}

// everything is every object of the cluster, but for what changes by itself: events, leases, and what nodes report.
func everything(t *testing.T, k testenv.KubeServer) map[string]any {
	t.Helper()
	var kinds []string
	for _, kind := range strings.Fields(kubectl(t, k, "api-resources", "--verbs=list", "-o", "name")) {
		switch kind {
		case "events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses":
		default:
			kinds = append(kinds, kind)
		}
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(kubectl(t, k, "get", strings.Join(kinds, ","), "-A", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	objects := map[string]any{}
	for _, o := range list.Items {
		meta := o["metadata"].(map[string]any)
		delete(meta, "resourceVersion")
		delete(meta, "managedFields")
		if o["kind"] == "Node" {
			delete(o, "status")
		}
		objects[fmt.Sprintf("%v %v %v/%v", o["apiVersion"], o["kind"], meta["namespace"], meta["name"])] = o
	}
	if len(objects) < 50 {
		t.Fatalf("the cluster has only %d objects", len(objects))
	}
	return objects
}

// twoContexts writes a kubeconfig whose current context leads nowhere, beside one that leads to the cluster.
func twoContexts(t *testing.T, kubeconfig string) (file, name string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	name = config.CurrentContext
	config.Clusters["nowhere"] = &api.Cluster{Server: "https://127.0.0.1:1"}
	config.Contexts["nowhere"] = &api.Context{Cluster: "nowhere", AuthInfo: config.Contexts[name].AuthInfo}
	config.CurrentContext = "nowhere"
	file = filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file, name
}

// interrupt is Ctrl-C.
func interrupt(pid int) { _ = syscall.Kill(-pid, syscall.SIGINT) }

// On somebody's cluster the demo shows its story, and whatever becomes of it, the cluster is as it was before, to the last
// field.
func TestADemoOnSomebodysClusterLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	k := testenv.Kube(t, testenv.KubeOptions{Name: "demo", Node: true})
	kubectl(t, k, "create", "namespace", "salvor-demo-taken1-web")
	kubectl(t, k, "create", "configmap", "-n", "salvor-demo-taken1-web", "theirs", "--from-literal=a=b")
	kubectl(t, k, "create", "clusterrole", "almost", "--verb=get,list,watch,create,update,patch,delete", "--resource=namespaces,pods,secrets,configmaps,services,deployments.apps")
	kubectl(t, k, "create", "clusterrolebinding", "almost", "--clusterrole=almost", "--user=almost")
	eventuallyQuiet(t, k)
	before := everything(t, k)
	onSomebodysCluster(t, k)
	deadline := time.Now().Add(30 * time.Second)
	for { // the API server forgets a definition's group a moment later
		diff := cmp.Diff(before, everything(t, k))
		if diff == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster is not as it was before (-before +after):\n%s", diff)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// eventuallyQuiet waits until the controllers of a new cluster have made all that they make.
func eventuallyQuiet(t *testing.T, k testenv.KubeServer) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		first := everything(t, k)
		time.Sleep(3 * time.Second)
		if diff := cmp.Diff(first, everything(t, k)); diff == "" {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("the cluster does not come to rest:\n%s", diff)
		}
	}
}

func onSomebodysCluster(t *testing.T, k testenv.KubeServer) {
	expect := func(t *testing.T, screen string, code, want int, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(screen, part) {
				t.Errorf("it does not say %q", part)
			}
		}
		if code != want || t.Failed() {
			t.Errorf("it ended with %d, want %d:\n%s", code, want, screen)
		}
	}
	t.Run("the whole story in a context that is not the current one", func(t *testing.T) {
		file, name := twoContexts(t, k.Kubeconfig)
		screen, code := demo(t, file, nil, "--context", name, "--yes")
		expect(t, screen, code, 0, "server      "+k.Server, "context     "+name, "every pod was Ready", "in production all ", "in the copies all ", "nothing of the demo is left")
	})
	t.Run("Ctrl-C while the application is frozen", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, []cue{{"--pre-exec-rule freeze", interrupt}}, "--yes")
		expect(t, screen, code, 130, "everything has been taken down")
	})
	t.Run("Ctrl-C twice while it is restored beside itself", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, []cue{{"-web-copy\n", interrupt}, {"Leave nothing behind", interrupt}}, "--yes")
		expect(t, screen, code, 130, "everything has been taken down")
	})
	t.Run("a failure", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, []cue{{"== Tell Salvor", func(int) {
			kubectl(t, k, "delete", "configmap", "-n", "salvor-demo-fails1-web", "pages")
		}}}, "--yes", "--suffix", "fails1")
		expect(t, screen, code, 1, "the demo FAILED", `configmaps "pages" not found`, "Leave nothing behind")
	})
	t.Run("a name that somebody has", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, nil, "--yes", "--suffix", "taken1")
		expect(t, screen, code, 1, "namespaces/salvor-demo-taken1-web exists already")
	})
	t.Run("nobody to be asked", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, nil)
		expect(t, screen, code, 1, "YES=1", "nothing was changed")
	})
	t.Run("no rights", func(t *testing.T) {
		screen, code := demo(t, k.User(t, "nobody"), nil, "--yes")
		expect(t, screen, code, 1, "nothing was changed", "\n  create namespaces\n", "and ")
	})
	t.Run("almost all rights", func(t *testing.T) {
		screen, code := demo(t, k.User(t, "almost"), nil, "--yes", "--suffix", "almost")
		expect(t, screen, code, 1, "\n  list *.*\n", "\n  create customresourcedefinitions.apiextensions.k8s.io\n")
		if strings.Contains(screen, "create namespaces\n") {
			t.Errorf("it misses a right that there is:\n%s", screen)
		}
	})
	t.Run("no such context", func(t *testing.T) {
		screen, code := demo(t, k.Kubeconfig, nil, "--yes", "--context", "elsewhere")
		expect(t, screen, code, 1, `has no context "elsewhere"`)
	})
}
