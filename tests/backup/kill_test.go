package backup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// A child process that makes one backup is this test binary again with these variables.
const (
	childRoot       = "BACKUP_TEST_ROOT"
	childKubeconfig = "BACKUP_TEST_KUBECONFIG"
	childNamespace  = "BACKUP_TEST_NAMESPACE"
	childName       = "BACKUP_TEST_NAME"
	childKillAt     = "BACKUP_TEST_KILL_AT"
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

// fileRules freeze by making a file and thaw by removing it.
type fileRules struct{ frozen string }

func (r fileRules) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	if err := q.Begin(ctx, []salvor.PodRef{{Namespace: q.Namespaces[0], Name: "p"}}, nil); err != nil {
		return backup.Frozen{}, err
	}
	return backup.Frozen{}, os.WriteFile(r.frozen, nil, 0o600)
}

func (r fileRules) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	if err := os.Remove(r.frozen); !errors.Is(err, fs.ErrNotExist) {
		return backup.RuleReport{}, err
	}
	return backup.RuleReport{}, nil
}

// killSite is a site whose leases end soon, with a rule that freezes before the cut and one that thaws after it.
func killSite(ctx context.Context, kubeconfig, root string) (*site, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	c, err := kube.New(cfg)
	if err != nil {
		return nil, err
	}
	s, err := newSite(ctx, c, root)
	if err != nil {
		return nil, err
	}
	s.rules = fileRules{filepath.Join(root, "frozen")}
	s.engine.Tuning = backup.Tuning{LeaseTime: 200 * time.Millisecond, Beat: 50 * time.Millisecond}
	for _, name := range []string{"freeze", "thaw"} {
		rule := salvor.New(salvor.KindRule).(*salvor.Rule)
		rule.Name = name
		rule.Spec.SubRules = []salvor.SubRule{{PodSelectors: nil, Actions: []salvor.Action{{Shell: "true"}}}}
		if err := s.catalog.Create(ctx, rule); err != nil && !salvor.Is(err, salvor.Exists) {
			return nil, err
		}
	}
	return s, nil
}

func killBackup(name, ns string) *salvor.Backup {
	b := newBackup(name, salvor.Scope{Namespaces: []string{ns}})
	b.Spec.PreExecRule, b.Spec.PostExecRule = "freeze", "thaw"
	return b
}

// child makes a backup, and kills itself when the step that it was told begins.
func child(ctx context.Context, root string) error {
	s, err := killSite(ctx, os.Getenv(childKubeconfig), root)
	if err != nil {
		return err
	}
	s.engine.OnStep = func(step backup.Step) {
		if string(step) == os.Getenv(childKillAt) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	fmt.Println("begins")
	b, _, err := s.engine.Begin(ctx, killBackup(os.Getenv(childName), os.Getenv(childNamespace)))
	if err != nil {
		return err
	}
	_, err = s.engine.Run(ctx, b.ID())
	return err
}

// runChild runs a child until it ends or is killed after the time given (0: never), counted from when it begins.
func runChild(t *testing.T, root, kubeconfig, ns, name, killAt string, after time.Duration) (killed bool, took time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childRoot+"="+root, childKubeconfig+"="+kubeconfig, childNamespace+"="+ns, childName+"="+name, childKillAt+"="+killAt)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the child did not begin: %v", err)
	}
	began := time.Now()
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	took = time.Since(began)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true, took
	}
	if err != nil {
		t.Fatalf("the child failed by itself: %v", err)
	}
	return false, took
}

// checkTruth makes sure that whatever looks complete is complete.
func checkTruth(t *testing.T, s *site) {
	t.Helper()
	names, err := s.repo.Backups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		m, _, err := s.repo.Manifest(t.Context(), name)
		if salvor.Is(err, salvor.NotFound) {
			continue
		}
		if err != nil {
			t.Fatalf("manifest of %s: %v", name, err)
		}
		if v, err := s.repo.Verify(t.Context(), name, "", nil); err != nil || len(v.Problems) > 0 || v.Objects != m.Totals.Objects {
			t.Errorf("backup %s has a manifest and is not whole: %+v %v", name, v, err)
		}
	}
	page, err := s.catalog.Search(t.Context(), catalog.Query{Phases: []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range page.Backups {
		if v, err := s.repo.Verify(t.Context(), b.Name, b.Status.RootDigest, nil); err != nil || len(v.Problems) > 0 {
			t.Errorf("backup %s is %s in the catalog and is not whole: %+v %v", b.Name, b.Status.Phase, v, err)
		}
	}
}

// checkNext makes sure that the same backup, asked for again, completes, and that nothing stays frozen.
func checkNext(t *testing.T, s *site, name, ns, root string) {
	t.Helper()
	b, _, err := s.engine.Begin(t.Context(), killBackup(name, ns))
	if err != nil {
		t.Fatal(err)
	}
	if !b.Status.Phase.Done() {
		time.Sleep(time.Until(b.Status.Lease.Expires.Add(time.Second))) // leases are kept to the second
		if b, err = s.engine.Run(t.Context(), b.ID()); err != nil {
			t.Fatalf("the next run: %v", err)
		}
	}
	if b.Status.Phase != salvor.PhaseCompleted || b.Status.Thaw != nil {
		t.Errorf("the next run ended %s (%s), thaw owed: %v", b.Status.Phase, b.Status.Message, b.Status.Thaw)
	}
	if _, err := os.Stat(filepath.Join(root, "frozen")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the application is still frozen")
	}
	checkTruth(t, s)
}

func killFixture(t *testing.T) (kubeconfig, ns string) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	ns = namespace(t, c)
	for i := range 200 {
		create(t, c, configMaps, ns, fmt.Sprintf("c-%d", i), `"data":{"k":"v"}`)
	}
	return k.Kubeconfig, ns
}

func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	kubeconfig, ns := killFixture(t)
	for _, step := range backup.Steps() {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel() // it waits for a lease to expire
			root := t.TempDir()
			if killed, _ := runChild(t, root, kubeconfig, ns, "b", string(step), 0); !killed {
				t.Fatal("the child was not killed: the step never began")
			}
			s, err := killSite(t.Context(), kubeconfig, root)
			if err != nil {
				t.Fatal(err)
			}
			defer s.catalog.Close()
			checkTruth(t, s)
			checkNext(t, s, "b", ns, root)
		})
	}
}

// points is at how many random points a backup is killed.
const points = 50

func TestKilledAtRandomPoints(t *testing.T) {
	t.Parallel()
	kubeconfig, ns := killFixture(t)
	whole := t.TempDir()
	_, took := runChild(t, whole, kubeconfig, ns, "whole", "", 0)
	seed := rand.Uint64()
	t.Logf("seed %d; a whole run takes %s", seed, took)
	random := rand.New(rand.NewPCG(seed, 0))
	root := t.TempDir() // all rounds share one location and one catalog
	s, err := killSite(t.Context(), kubeconfig, root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.catalog.Close()
	killed, runs := 0, 0
	for ; killed < points && runs < 4*points; runs++ {
		name := fmt.Sprintf("b-%d", runs)
		ended, lived := runChild(t, root, kubeconfig, ns, name, "", time.Duration(1+random.Int64N(int64(took))))
		if ended {
			killed++
		} else {
			took = min(took, lived) // aim better: it is over sooner than thought
		}
		if runs%10 == 9 {
			checkTruth(t, s)
		}
	}
	for i := range runs {
		checkNext(t, s, fmt.Sprintf("b-%d", i), ns, root)
	}
	t.Logf("%d of %d runs were killed", killed, runs)
	if killed < points {
		t.Errorf("only %d of %d runs were killed: the points are not in the run", killed, runs)
	}
}
