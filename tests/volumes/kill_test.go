package volumes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/backup/inpods"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
	"salvor.io/salvor/tests/testenv"
)

// A worker is this test binary again, with these variables: it makes one backup in the home, under a lease that ends soon,
// and kills itself when a step begins, or so long after. Of the classes of groups it sees the one that is named.
const (
	workerHome       = "VOLUMES_TEST_HOME"
	workerNamespace  = "VOLUMES_TEST_NAMESPACE"
	workerName       = "VOLUMES_TEST_NAME"
	workerKillAt     = "VOLUMES_TEST_KILL_AT"
	workerKillAfter  = "VOLUMES_TEST_KILL_AFTER"
	workerGroupClass = "VOLUMES_TEST_GROUP_CLASS"
	workerMaxFreeze  = "VOLUMES_TEST_MAX_FREEZE"
)

// lease is that of a worker; times in the catalog are of a second, so it may last one more.
const lease = 3 * time.Second

func TestMain(m *testing.M) {
	if home := os.Getenv(workerHome); home != "" {
		// On a busy machine salvor serve may take over before it dies.
		if err := work(context.Background(), home); err != nil && !salvor.Is(err, salvor.Fenced) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// work makes a backup in the home and waits for its snapshots, as `salvor backup create` does.
func work(ctx context.Context, home string) error {
	c, err := sqlite.Open(filepath.Join(home, "catalog.db"))
	if err != nil {
		return err
	}
	defer c.Close()
	e, err := engine(ctx, c, home)
	if err != nil {
		return err
	}
	after, err := time.ParseDuration(os.Getenv(workerKillAfter))
	if err != nil {
		return err
	}
	onStep := func(s backup.Step) {
		if string(s) != os.Getenv(workerKillAt) {
			return
		}
		die := func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
		if after > 0 {
			time.AfterFunc(after, die)
			return
		}
		die()
		select {}
	}
	e.OnStep = onStep
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name = os.Getenv(workerName)
	b.Spec = salvor.BackupSpec{Cluster: "here", Location: "disk", Scope: salvor.Scope{Namespaces: []string{os.Getenv(workerNamespace)}}, PreExecRule: "hold", PostExecRule: "go-on"}
	if b.Spec.MaxFreeze.Duration, err = time.ParseDuration(os.Getenv(workerMaxFreeze)); err != nil {
		return err
	}
	b, _, err = e.Begin(ctx, b)
	if err != nil {
		return err
	}
	if b, err = e.Run(ctx, b.ID()); err != nil {
		return err
	}
	open := func(ctx context.Context, b *salvor.Backup) (backup.Snapshots, error) {
		site, err := e.Open(ctx, b)
		return site.Volumes.(*volume.Engine), err
	}
	s := backup.Settler{Catalog: c, Open: open, Store: e.Store, Now: time.Now, By: e.Holder, OnStep: onStep}
	for b.Status.Phase == salvor.PhaseSettling {
		time.Sleep(50 * time.Millisecond)
		if b, err = s.Settle(ctx, b.ID()); err != nil {
			return err
		}
	}
	return nil
}

func engine(ctx context.Context, c *sqlite.Catalog, home string) (*backup.Engine, error) {
	id, err := os.ReadFile(filepath.Join(home, "catalog-id"))
	if err != nil {
		return nil, err
	}
	o, err := c.Get(ctx, salvor.KindCluster, "here")
	if err != nil {
		return nil, err
	}
	where := o.(*salvor.Cluster)
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: where.Spec.Kubeconfig.Path})
	if err != nil {
		return nil, err
	}
	client, err := kube.New(config)
	if err != nil {
		return nil, err
	}
	disk, err := dir.Open(ctx, filepath.Join(home, "backups"), dir.Options{})
	if err != nil {
		return nil, err
	}
	catalog := strings.TrimSpace(string(id))
	site := &backup.Site{Cluster: client, Rules: inpods.Rules(&rule.Engine{Cluster: client, Now: time.Now}),
		Volumes: &volume.Engine{Cluster: oneGroupClass{client, os.Getenv(workerGroupClass)}, Now: time.Now, CatalogID: catalog}}
	return &backup.Engine{Catalog: c, Now: time.Now, Holder: fmt.Sprintf("worker-%d", os.Getpid()), CatalogID: catalog,
		Tuning: backup.Tuning{LeaseTime: lease, Beat: lease / 6, LockPause: 100 * time.Millisecond},
		Open:   func(context.Context, *salvor.Backup) (*backup.Site, error) { return site, nil },
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
			return repository.New(disk, where.ID()), nil
		}}, nil
}

// oneGroupClass is a cluster with one VolumeGroupSnapshotClass, if it is named.
type oneGroupClass struct {
	*kube.Client
	name string
}

func (c oneGroupClass) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	return c.Client.List(ctx, r, func(i cluster.Item) error {
		if r.Resource.Name == groupClassKind.Name && c.name != "" && i.Name != c.name {
			return nil
		}
		return each(i)
	})
}

// kill is a backup whose worker dies when a step begins, or so long after.
type kill struct {
	at    backup.Step
	after time.Duration
}

// killed runs a worker, and reports whether it was killed.
func (a *application) killed(t *testing.T, name string, k kill) bool {
	t.Helper()
	return a.works(t, name, k, time.Minute)
}

// works is killed with a limit for how long the application may be held.
func (a *application) works(t *testing.T, name string, k kill, maxFreeze time.Duration) (killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), workerHome+"="+a.home, workerNamespace+"="+a.namespace, workerName+"="+name,
		workerKillAt+"="+string(k.at), workerKillAfter+"="+k.after.String(), workerGroupClass+"="+a.groupClass, workerMaxFreeze+"="+maxFreeze.String())
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Errorf("the worker of %s failed by itself: %v\n%s", name, err, out)
	}
	return false
}

// Whenever the process of a backup dies, whoever takes it up lets the application go on, completes the backup, and what
// the dead one cut and nobody needs is gone: from the cluster, and from the driver.
func TestKilledWhileItCuts(t *testing.T) {
	t.Parallel()
	takeTurns(t, 3) // for several backups at once
	w := newWorld(t)
	class := w.snapshotClass(t, map[string]string{testenv.FaultDelay: "300ms", testenv.FaultPending: "2s"})
	var lanes []*application
	for range 4 {
		lanes = append(lanes, w.application(t, volumeOf{"a", class}, volumeOf{"b", class}))
	}
	// Before there is anything of volumes a death is like any other; tests/freeze has them all.
	all := backup.Steps()
	all = append(all[slices.Index(all, backup.StepVolumes):], backup.SettleSteps()...)
	var kills []kill
	for _, step := range all {
		kills = append(kills, kill{at: step})
	}
	for after := 50 * time.Millisecond; after < 500*time.Millisecond; after += 110 * time.Millisecond {
		kills = append(kills, kill{backup.StepCut, after})
	}
	w.survive(t, lanes, kills)
}

// survive has backups of the applications killed, while salvor serve runs.
func (w *world) survive(t *testing.T, applications []*application, kills []kill) {
	t.Helper()
	w.serve(t)
	next := make(chan kill)
	var lanes sync.WaitGroup
	for _, a := range applications {
		lanes.Go(func() {
			var named []string
			for k := range next {
				for try, died := 0, false; !died; try++ {
					if try == 3 {
						t.Errorf("%v was not killed in %d backups: the step never began", k, try)
						break
					}
					died, named = a.survives(t, k, try, named)
				}
			}
		})
	}
	for _, k := range kills {
		next <- k
	}
	close(next)
	lanes.Wait()
}

// survives kills a backup, waits until it is done, and counts what is left. named are the snapshots of the backups before.
// It is not killed if salvor serve takes the step that its worker was to die in, or the cut is quicker than its death.
func (a *application) survives(t *testing.T, k kill, try int, named []string) (bool, []string) {
	name := fmt.Sprintf("%s-%d-%d", k.at, k.after.Milliseconds(), try)
	died := a.killed(t, name, k) || k.after > 0
	ok := eventually(t, time.Minute, name+" is done", func() bool {
		b := a.backup(t, name)
		return b.Status.Phase.Done() && b.Status.Thaw == nil
	})
	if b := a.backup(t, name); !ok || b.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("%s is %s: %s; %+v", name, b.Status.Phase, b.Status.Message, b.Status.Failures)
		return true, named
	}
	a.writes(t)
	a.nothingLeft(t, a.namespace)
	mine := a.handles(t, name)
	if len(mine) != len(a.volumes) {
		t.Errorf("%s has snapshots %q of %d volumes", name, mine, len(a.volumes))
	}
	named = append(named, mine...)
	slices.Sort(named)
	if kept := a.kept(t); !slices.Equal(kept, named) {
		t.Errorf("after %s the driver keeps %q, the backups have %q", name, kept, named)
	}
	return died, named
}
