package volumes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// A restorer is this test binary again, with these variables: it does one restore of the home, and kills itself at its nth write,
// or its nth of a kind.
const (
	restorerHome   = "VOLUMES_TEST_RESTORER_HOME"
	restorerName   = "VOLUMES_TEST_RESTORER_NAME"
	restorerKillAt = "VOLUMES_TEST_RESTORER_KILL_AT"
	restorerKillOf = "VOLUMES_TEST_RESTORER_KILL_OF"
)

func init() {
	home := os.Getenv(restorerHome)
	if home == "" {
		return
	}
	if err := restoreIn(context.Background(), home); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// restoreIn does the recorded restore.
func restoreIn(ctx context.Context, home string) error {
	c, e, err := restorer(ctx, home)
	if err != nil {
		return err
	}
	defer c.Close()
	o, err := c.Get(ctx, salvor.KindRestore, os.Getenv(restorerName))
	if err != nil {
		return err
	}
	return e.Run(ctx, o.(*salvor.Restore))
}

// restorer is an engine on the home, as the command line has it, that dies at its nth write. It looks more often.
func restorer(ctx context.Context, home string) (*sqlite.Catalog, *restore.Engine, error) {
	killAt, _ := strconv.Atoi(os.Getenv(restorerKillAt)) // none: it lives
	c, err := sqlite.Open(filepath.Join(home, "catalog.db"))
	if err != nil {
		return nil, nil, err
	}
	id, err := os.ReadFile(filepath.Join(home, "catalog-id"))
	if err != nil {
		return nil, nil, err
	}
	disk, err := dir.Open(ctx, filepath.Join(home, "backups"), dir.Options{})
	if err != nil {
		return nil, nil, err
	}
	return c, &restore.Engine{Catalog: c, Now: time.Now, CatalogID: strings.TrimSpace(string(id)),
		Open: func(_ context.Context, _, id string) (*repository.Repository, error) {
			return repository.New(disk, id), nil
		},
		Connect: func(ctx context.Context, name string) (restore.Target, error) {
			o, err := c.Get(ctx, salvor.KindCluster, name)
			if err != nil {
				return nil, err
			}
			config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: o.(*salvor.Cluster).Spec.Kubeconfig.Path})
			if err != nil {
				return nil, err
			}
			client, err := kube.New(config)
			return &doomed{Target: client, killAt: killAt, kind: os.Getenv(restorerKillOf)}, err
		},
		Tuning: restore.Tuning{Beat: 100 * time.Millisecond, RetryBase: 20 * time.Millisecond, Poll: 100 * time.Millisecond, Consumer: time.Second, Unready: 2 * time.Second}}, nil
}

// doomed is a target during whose nth write the process is killed: after an even one has been answered, before an odd one is
// sent. If there is a kind, writes of that are counted, and each has been answered.
type doomed struct {
	restore.Target
	mu             sync.Mutex
	writes, killAt int
	kind           string
}

func (d *doomed) write(r cluster.Resource, send func() ([]byte, error)) ([]byte, error) {
	if d.kind != "" && d.kind != r.Name {
		return send()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.writes == d.killAt && d.killAt%2 == 1 && d.kind == "" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	live, err := send()
	if d.writes == d.killAt {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return live, err
}

func (d *doomed) Create(ctx context.Context, r cluster.Resource, ns string, body []byte) ([]byte, error) {
	return d.write(r, func() ([]byte, error) { return d.Target.Create(ctx, r, ns, body) })
}

func (d *doomed) Update(ctx context.Context, r cluster.Resource, ns, name string, body []byte, sub ...string) ([]byte, error) {
	return d.write(r, func() ([]byte, error) { return d.Target.Update(ctx, r, ns, name, body, sub...) })
}

func (d *doomed) Patch(ctx context.Context, r cluster.Resource, ns, name string, k types.PatchType, body []byte, sub ...string) ([]byte, error) {
	return d.write(r, func() ([]byte, error) { return d.Target.Patch(ctx, r, ns, name, k, body, sub...) })
}

func (d *doomed) Delete(ctx context.Context, r cluster.Resource, ns, name string, o cluster.DeleteOptions) error {
	_, err := d.write(r, func() ([]byte, error) { return nil, d.Target.Delete(ctx, r, ns, name, o) })
	return err
}

// shelf is a namespace with a claim that holds a file, or several, and a Deployment whose pod uses them and can't start: its
// volumes are made without one, and nothing has to be waited for.
type shelf struct {
	*world
	namespace string
	claims    []string
}

const shelfClaim = "stock"

func (w *world) shelf(t *testing.T, more ...string) *shelf {
	t.Helper()
	s := &shelf{world: w, namespace: "t-" + testenv.Unique(), claims: append([]string{shelfClaim}, more...)}
	w.create(t, namespaceKind, "", fmt.Sprintf("metadata: {name: %s}", s.namespace))
	for _, claim := range s.claims {
		w.create(t, claimKind, s.namespace, fmt.Sprintf(`
metadata: {name: %s, labels: {kept: "yes"}}
spec: {accessModes: [ReadWriteOnce], storageClassName: gp3-immediate, resources: {requests: {storage: 1Gi}}}`, claim))
	}
	s.deployment(t, "shop", 1)
	for _, claim := range s.claims {
		eventually(t, time.Minute, "the claim is bound", func() bool { return s.fileOf(t, s.namespace, claim) != "" })
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_, _ = w.TryKubectl(context.WithoutCancel(t.Context()), "delete", "namespace", s.namespace, "--wait=false")
		}
	})
	return s
}

// deployment makes one whose pods use the claims, and can't start.
func (s *shelf) deployment(t *testing.T, name string, replicas int) {
	t.Helper()
	var mounts, volumes []string
	for _, claim := range s.claims {
		mounts = append(mounts, fmt.Sprintf("{name: %s, mountPath: /%[1]s}", claim))
		volumes = append(volumes, fmt.Sprintf("{name: %s, persistentVolumeClaim: {claimName: %[1]s}}", claim))
	}
	s.create(t, deploymentKind, s.namespace, fmt.Sprintf(`
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers: [{name: main, image: "localhost/salvor/busybox:1", volumeMounts: [%[3]s]}]
      volumes: [%[4]s]`, name, replicas, strings.Join(mounts, ", "), strings.Join(volumes, ", ")))
}

// file is the path of the file on the first claim's volume.
func (s *shelf) file(t *testing.T, namespace string) string {
	t.Helper()
	return s.fileOf(t, namespace, shelfClaim)
}

// fileOf is the path of the file on the claim's volume; empty: the claim has none.
func (s *shelf) fileOf(t *testing.T, namespace, claim string) string {
	t.Helper()
	handle, err := s.volumeHandle(namespace, claim)
	if err != nil {
		return ""
	}
	return filepath.Join(s.VolumeDir(handle), "file")
}

func (s *shelf) write(t *testing.T, text string) {
	t.Helper()
	for _, claim := range s.claims {
		if err := os.WriteFile(s.fileOf(t, s.namespace, claim), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// holds is what is in the files: one text, if it is the same in all.
func (s *shelf) holds(t *testing.T, namespace string) string {
	t.Helper()
	var texts []string
	for _, claim := range s.claims {
		data, err := os.ReadFile(s.fileOf(t, namespace, claim))
		if err != nil {
			data = []byte(err.Error())
		}
		texts = append(texts, string(data))
	}
	return strings.Join(slices.Compact(texts), ", and ")
}

// backUp makes a backup and waits until it can be restored from.
func (s *shelf) backUp(t *testing.T, name string) {
	t.Helper()
	out := s.salvor(t, "backup", "create", name, "-n", s.namespace)
	eventually(t, time.Minute, "the backup completes: "+out, func() bool { return s.backup(t, name).Status.Phase == salvor.PhaseCompleted })
}

// begin records a restore of the backup.
func (s *shelf) begin(t *testing.T, name, backup string, spec salvor.RestoreSpec) *salvor.Restore {
	t.Helper()
	c, e, err := restorer(t.Context(), s.home)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	spec.SourceCluster, spec.TargetCluster, spec.Backup = s.backup(t, backup).Status.ClusterID, "here", backup
	r, created, err := e.Begin(t.Context(), &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: name}, Spec: spec})
	if err != nil || !created {
		t.Fatalf("beginning restore %s: created %t, error %v", name, created, err)
	}
	return r
}

// goOn does the restore in this process, to its end.
func (s *shelf) goOn(t *testing.T, name string) *salvor.Restore {
	t.Helper()
	c, e, err := restorer(t.Context(), s.home)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o, err := c.Get(t.Context(), salvor.KindRestore, name)
	if err != nil {
		t.Fatal(err)
	}
	r := o.(*salvor.Restore)
	_ = e.Run(t.Context(), r) // the status says it
	return r
}

// killed does the restore in a process that is killed at its nth write, and reports whether it came so far.
func (s *shelf) killed(t *testing.T, name string, at int) bool {
	t.Helper()
	return s.killedOf(t, name, "", at)
}

// killedOf is killed, at the nth write of a kind.
func (s *shelf) killedOf(t *testing.T, name, kind string, at int) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), restorerHome+"="+s.home, restorerName+"="+name, restorerKillAt+"="+strconv.Itoa(at), restorerKillOf+"="+kind)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("the restorer failed: %v\n%s", err, out)
	}
	return true
}

// leftOfRestores names what restores have left in the cluster: helpers of volumes into the namespace, held volumes of it and
// workloads in it that are scaled down.
func (w *world) leftOfRestores(t *testing.T, namespace string) (left []string) {
	t.Helper()
	look := func(kind cluster.Resource, ns string, is func(raw []byte) bool) {
		_, err := w.client.List(t.Context(), cluster.ListRequest{Resource: kind, Namespace: ns}, func(i cluster.Item) error {
			if is(i.Raw) {
				left = append(left, kind.Name+" "+i.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ofHere := func(raw []byte) bool {
		if rawjson.Get(raw, "metadata", "deletionTimestamp") != nil {
			return false // it goes as soon as the CSI provisioner takes its finalizer off
		}
		var o struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct{ ClaimRef struct{ Namespace string } }
		}
		if json.Unmarshal(raw, &o) != nil {
			return true
		}
		a := o.Metadata.Annotations
		return strings.HasPrefix(a["salvor.io/claim"], namespace+"/") || a["salvor.io/scaled-down"] != "" || a["salvor.io/in-place"] != "" && o.Spec.ClaimRef.Namespace == namespace
	}
	look(snapshotKind, namespace, ofHere)
	look(contentKind, "", ofHere)
	look(volumeKind, "", ofHere)
	look(deploymentKind, namespace, ofHere)
	slices.Sort(left)
	return left
}

// TestARestoreOfVolumesThatIsKilled kills a restore at each of its writes, and goes on with it: the data is there, once, and
// nothing is left beside it.
func TestARestoreOfVolumesThatIsKilled(t *testing.T) {
	t.Parallel()
	s := newWorld(t).shelf(t)
	s.write(t, "as backed up")
	s.backUp(t, "good")
	for at := 1; ; at++ {
		copied := fmt.Sprintf("%s-%d", s.namespace, at)
		s.begin(t, copied, "good", salvor.RestoreSpec{NamespaceMapping: map[string]string{s.namespace: copied}})
		killed := s.killed(t, copied, at)
		left := s.leftOfRestores(t, copied)
		if r := s.goOn(t, copied); r.Status.Phase != salvor.PhaseCompleted || r.Status.Volumes.Restored != 1 {
			t.Errorf("killed at write %d: it is %s, %+v: %s", at, r.Status.Phase, r.Status.Volumes, r.Status.Message)
		}
		if got := s.holds(t, copied); got != "as backed up" {
			t.Errorf("killed at write %d: the volume holds %q", at, got)
		}
		t.Logf("killed at write %d: left %q, and after going on %q", at, left, s.leftOfRestores(t, copied))
		if left := s.leftOfRestores(t, copied); len(left) > 0 {
			t.Errorf("killed at write %d: left in the cluster: %q", at, left)
		}
		_, _ = s.TryKubectl(t.Context(), "delete", "namespace", copied, "--wait=false")
		if !killed {
			if at < 7 {
				t.Errorf("the restore took %d writes only", at-1)
			}
			return
		}
	}
}

// TestAReplacementInPlaceThatIsKilled kills a restore in place at each of its writes. One time it goes on, and the data is that
// of the backup; the other time it is canceled, and everything is put back, the data as it was. The workload runs again.
func TestAReplacementInPlaceThatIsKilled(t *testing.T) {
	t.Parallel()
	s := newWorld(t).shelf(t)
	s.write(t, "as backed up")
	s.backUp(t, "good")
	inPlace := salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true}}
	for at := 1; ; at++ {
		for _, cancel := range []bool{false, true} {
			s.write(t, "spoiled")
			name := fmt.Sprintf("%s-%d-%t", s.namespace, at, cancel)
			s.begin(t, name, "good", inPlace)
			if !s.killed(t, name, at) {
				if at < 9 {
					t.Errorf("the restore took %d writes only", at-1)
				}
				if got := s.holds(t, s.namespace); got != "as backed up" {
					t.Errorf("not killed at all: the volume holds %q", got)
				}
				s.asBefore(t, name)
				return
			}
			if cancel {
				s.salvor(t, "cancel", "restore", name)
			}
			r := s.goOn(t, name)
			got := s.holds(t, s.namespace)
			t.Logf("killed at write %d, canceled %t: %s, holds %q", at, cancel, r.Status.Phase, got)
			switch {
			case !cancel && (r.Status.Phase != salvor.PhaseCompleted || got != "as backed up"):
				t.Errorf("killed at write %d: it is %s, and the volume holds %q: %s %v", at, r.Status.Phase, got, r.Status.Message, r.Status.Failures)
			case cancel && (r.Status.Phase != salvor.PhaseCanceled || got != "spoiled" && got != "as backed up"):
				t.Errorf("killed at write %d and canceled: it is %s, and the volume holds %q: %s", at, r.Status.Phase, got, r.Status.Message)
			}
			s.asBefore(t, name)
		}
	}
}

// TestReplacedTogetherOrNot kills a restore in place of two claims of one workload at each write of their old volumes, and
// cancels it: both hold what the backup has, or both what they had.
func TestReplacedTogetherOrNot(t *testing.T) {
	t.Parallel()
	s := newWorld(t).shelf(t, "more")
	s.write(t, "as backed up")
	s.backUp(t, "good")
	for at := 1; ; at++ {
		s.write(t, "spoiled")
		name := fmt.Sprintf("%s-%d", s.namespace, at)
		s.begin(t, name, "good", salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true}})
		if !s.killedOf(t, name, "persistentvolumes", at) {
			if got := s.holds(t, s.namespace); got != "as backed up" || at < 5 {
				t.Errorf("not killed in %d writes: the volumes hold %q", at-1, got)
			}
			s.asBefore(t, name)
			return
		}
		s.salvor(t, "cancel", "restore", name)
		r := s.goOn(t, name)
		if got := s.holds(t, s.namespace); got != "spoiled" && got != "as backed up" || r.Status.Phase != salvor.PhaseCanceled {
			t.Errorf("killed at write %d of volumes and canceled: it is %s, and the volumes hold %q", at, r.Status.Phase, got)
		}
		s.asBefore(t, name)
	}
}

// asBefore fails unless the workload has its replica, and nothing of restores is left.
func (s *shelf) asBefore(t *testing.T, name string) {
	t.Helper()
	if left := s.leftOfRestores(t, s.namespace); len(left) > 0 {
		t.Errorf("%s left in the cluster: %q", name, left)
	}
	if n := s.replicas(t, "shop"); n != "1" {
		t.Errorf("%s left the workload at %s replicas", name, n)
	}
}
