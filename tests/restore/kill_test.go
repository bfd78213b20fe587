package restore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// A child process that does one restore is this test binary again with these variables.
const (
	childRoot       = "RESTORE_TEST_ROOT"
	childKubeconfig = "RESTORE_TEST_KUBECONFIG"
	childRestore    = "RESTORE_TEST_NAME"
	childKillAt     = "RESTORE_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(childRoot); root != "" {
		if err := child(context.Background(), root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// mortal is a target during whose nth write the process is killed: after an even one has been answered, before an odd one is sent.
type mortal struct {
	restore.Target
	mu     sync.Mutex
	writes int
	killAt int
}

func (m *mortal) write(send func() ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.writes == m.killAt && m.killAt%2 == 1 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	live, err := send()
	if m.writes == m.killAt {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return live, err
}

func (m *mortal) Create(ctx context.Context, r resource, ns string, body []byte) ([]byte, error) {
	return m.write(func() ([]byte, error) { return m.Target.Create(ctx, r, ns, body) })
}

func (m *mortal) Update(ctx context.Context, r resource, ns, name string, body []byte, sub ...string) ([]byte, error) {
	return m.write(func() ([]byte, error) { return m.Target.Update(ctx, r, ns, name, body, sub...) })
}

func (m *mortal) Patch(ctx context.Context, r resource, ns, name string, k types.PatchType, body []byte, sub ...string) ([]byte, error) {
	return m.write(func() ([]byte, error) { return m.Target.Patch(ctx, r, ns, name, k, body, sub...) })
}

// child does the recorded restore until it is killed.
func child(ctx context.Context, root string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv(childKubeconfig))
	if err != nil {
		return err
	}
	c, err := kube.New(cfg)
	if err != nil {
		return err
	}
	killAt, err := strconv.Atoi(os.Getenv(childKillAt))
	if err != nil {
		return err
	}
	w := &world{root: root, target: &mortal{Target: c, killAt: killAt}}
	if err := w.open(ctx); err != nil {
		return err
	}
	w.engine.Tuning.Terminating = time.Minute
	w.engine.Now = func() time.Time { return time.Now().Add(time.Hour) } // machines don't agree what time it is
	o, err := w.catalog.Get(ctx, salvor.KindRestore, os.Getenv(childRestore))
	if err != nil {
		return err
	}
	return w.engine.Run(ctx, o.(*salvor.Restore))
}

// killed runs a restore in a process that is killed at its nth write, and reports whether it came so far.
func (w *world) killed(name string, at int) bool {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childRoot+"="+w.root, childKubeconfig+"="+server(w.t).Kubeconfig, childRestore+"="+name, childKillAt+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		w.t.Fatalf("the child failed: %v\n%s", err, out)
	}
	return true
}

// TestARestoreThatIsKilled kills a restore at every write, and completes it: once by going on with it, once by another
// restore of the same backup.
func TestARestoreThatIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.eventually("the default service account", func() bool { return w.get(accounts, ns, "default") != nil })
	w.merge(accounts, ns, "default", `{"metadata":{"annotations":{"example.org/a":"1"}}}`)
	deployment := w.create(deployments, ns, "web", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},`+podSpec+`}}`)
	owner := w.create(configMaps, ns, "owner", "")
	w.createMeta(secrets, ns, "of-web", ownedBy(deployment, false), "")
	w.createMeta(secrets, ns, "of-owner", ownedBy(owner, false), "")
	w.create(services, ns, "web", `"spec":{"ports":[{"port":80}]}`)
	w.take("b", []string{ns}, accounts, configMaps, secrets, services, deployments).store(w)

	for at := 1; ; at++ {
		copied := fmt.Sprintf("%s-%d", ns, at)
		r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: copied}, Spec: salvor.RestoreSpec{SourceCluster: "source", TargetCluster: "target", Backup: "b", NamespaceMapping: map[string]string{ns: copied}}}
		if _, _, err := w.engine.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if !w.killed(copied, at) {
			if at < 8 {
				t.Errorf("the restore took %d writes only", at-1)
			}
			return
		}
		o, err := w.catalog.Get(t.Context(), salvor.KindRestore, copied)
		if err != nil {
			t.Fatal(err)
		}
		stopped := o.(*salvor.Restore)
		if stopped.Status.Phase != salvor.PhaseRestoring {
			t.Fatalf("killed at write %d, it says %s", at, stopped.Status.Phase)
		}
		if at%3 == 0 {
			stopped = &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: copied + "-again"}, Spec: r.Spec}
		}
		if err := w.engine.Run(t.Context(), stopped); err != nil || stopped.Status.Phase != salvor.PhaseCompleted {
			t.Fatalf("killed at write %d, the next run ends %s: %v %v", at, stopped.Status.Phase, err, stopped.Status.Failures)
		}
		w.complete(at, copied)
		if at%3 == 0 {
			continue // whether the default account was there before is not known any more
		}
		if value(w.get(accounts, copied, "default"), "metadata", "annotations", "example.org/a") != "1" {
			t.Errorf("killed at write %d, the default service account is not the backup's", at)
		}
	}
}

// A namespace that goes when a restore begins, and is made again by it, is the restore's own for the process that goes on with it.
func TestARestoreIntoANamespaceThatGoesIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.eventually("the default service account", func() bool { return w.get(accounts, ns, "default") != nil })
	w.merge(accounts, ns, "default", `{"metadata":{"annotations":{"example.org/a":"1"}}}`)
	w.take("b", []string{ns}, accounts).store(w)
	w.createMeta(configMaps, ns, "held", `"finalizers":["example.org/hold"]`, "")
	t.Cleanup(func() { w.free(configMaps, ns, "held") })
	if err := w.c.Delete(t.Context(), namespaces, "", ns, noOptions); err != nil {
		t.Fatal(err)
	}
	w.eventually("the default service account is gone", func() bool { return w.get(accounts, ns, "default") == nil })
	r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: "r"}, Spec: salvor.RestoreSpec{SourceCluster: "source", TargetCluster: "target", Backup: "b", Conflict: salvor.ConflictSkip}}
	if _, _, err := w.engine.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { w.free(configMaps, ns, "held") })
	if !w.killed("r", 2) {
		t.Fatal("it was not killed")
	}
	w.eventually("the default service account is made", func() bool { return w.get(accounts, ns, "default") != nil })
	w.merge(accounts, ns, "default", `{"metadata":{"annotations":null}}`) // as if it had been killed just before
	o, err := w.catalog.Get(t.Context(), salvor.KindRestore, "r")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Run(t.Context(), o.(*salvor.Restore)); err != nil {
		t.Fatal(err)
	}
	if value(w.get(accounts, ns, "default"), "metadata", "annotations", "example.org/a") != "1" {
		t.Error("the default service account is not the backup's")
	}
}

// complete checks the owners in a namespace that was restored.
func (w *world) complete(at int, ns string) {
	w.t.Helper()
	for _, c := range []struct {
		name, owner string
		res         resource
	}{{"of-web", "web", deployments}, {"of-owner", "owner", configMaps}} {
		owned, owner := w.get(secrets, ns, c.name), w.get(c.res, ns, c.owner)
		if owned == nil || owner == nil {
			w.t.Fatalf("killed at write %d, %s or its owner is missing", at, c.name)
		}
		if got := strings.Join(ownerUIDs(w.t, owned), " "); got != value(owner, "metadata", "uid") {
			w.t.Errorf("killed at write %d, %s is owned by %q", at, c.name, got)
		}
	}
	if w.get(services, ns, "web") == nil {
		w.t.Errorf("killed at write %d, the Service is missing", at)
	}
}
