package freeze_test

import (
	"bufio"
	"context"
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

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/backup/inpods"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// A worker is this test binary again, with these variables: it makes one backup in the home, under leases that end soon.
const (
	workerHome      = "FREEZE_TEST_HOME"
	workerNamespace = "FREEZE_TEST_NAMESPACE"
	workerName      = "FREEZE_TEST_NAME"
	workerKillAt    = "FREEZE_TEST_KILL_AT"
)

// lease is that of a worker; times in the catalog are of a second, so it may last one more. It outlasts, as a lease of a
// minute does by far, the background command of a worker that was killed: that gets six seconds to end, and the node may
// take a while to see that the connection is gone.
const lease = 10 * time.Second

func TestMain(m *testing.M) {
	if home := os.Getenv(workerHome); home != "" {
		if err := work(context.Background(), home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// What a worker says when its first command is about to be sent, and when its thaw is recorded. Steps say other words.
const (
	sayBegun  = "first command"
	sayThawed = "thaw recorded"
)

// work makes a backup, says on standard output how far it is, and kills itself at the step that it was told.
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
	e.OnStep = func(s backup.Step) {
		fmt.Println(s)
		if string(s) == os.Getenv(workerKillAt) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	e.Progress = sayFreeze()
	b, _, err := e.Begin(ctx, newBackup(os.Getenv(workerName), os.Getenv(workerNamespace)))
	if err != nil {
		return err
	}
	_, err = e.Run(ctx, b.ID())
	return err
}

// sayFreeze says when the application may be held from now on, and when it surely is not any more.
func sayFreeze() func(salvor.BackupStatus) {
	held := false
	return func(s salvor.BackupStatus) {
		switch owed := s.Thaw != nil && len(s.Thaw.Begun) > 0; {
		case owed && !held:
			fmt.Println(sayBegun)
			held = true
		case !owed && held:
			fmt.Println(sayThawed)
			held = false
		}
	}
}

func newBackup(name, namespace string) *salvor.Backup {
	return &salvor.Backup{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackup}, ObjectMeta: salvor.ObjectMeta{Name: name},
		Spec: salvor.BackupSpec{Cluster: "here", Location: "disk", Scope: salvor.Scope{Namespaces: []string{namespace}}, PreExecRule: "freeze", PostExecRule: "thaw"}}
}

// engine works in the home as `salvor backup create` does.
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
	client, err := connect(where.Spec.Kubeconfig.Path)
	if err != nil {
		return nil, err
	}
	disk, err := dir.Open(ctx, filepath.Join(home, "backups"), dir.Options{})
	if err != nil {
		return nil, err
	}
	return &backup.Engine{Catalog: c, Now: time.Now, Holder: fmt.Sprintf("worker-%d", os.Getpid()), CatalogID: strings.TrimSpace(string(id)),
		Tuning: backup.Tuning{LeaseTime: lease, Beat: lease / 20, LockPause: 100 * time.Millisecond},
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) {
			return &backup.Site{Cluster: client, Rules: inpods.Rules(&rule.Engine{Cluster: client, Now: time.Now})}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
			return repository.New(disk, where.ID()), nil
		}}, nil
}

// work runs a worker on a backup until it ends or is killed, and reports whether it was: at the step, or so long after its
// first command, unless its thaw was recorded before. held is the time between the two.
func (a *application) work(t *testing.T, name, killAt string, after time.Duration) (killed bool, held time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), workerHome+"="+a.home, workerNamespace+"="+a.namespace, workerName+"="+name, workerKillAt+"="+killAt)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return false, 0
	}
	steps := bufio.NewScanner(out)
	began, stop := time.Now(), func() bool { return false }
	for steps.Scan() {
		switch steps.Text() {
		case sayBegun:
			if began = time.Now(); after > 0 {
				stop = time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop
			}
		case sayThawed:
			held = time.Since(began)
			stop()
		}
	}
	stop()
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true, held
	}
	if err != nil {
		t.Errorf("the worker of %s failed by itself: %v", name, err)
	}
	return false, held
}
