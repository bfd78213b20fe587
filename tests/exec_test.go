package tests

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/tests/testenv"
)

func execIn(namespace, pod string, command ...string) cluster.ExecRequest {
	return cluster.ExecRequest{Namespace: namespace, Pod: pod, Container: "main", Command: command}
}

// overEach runs a test over each protocol of exec.
func overEach(t *testing.T, l lab, test func(*testing.T, lab)) {
	for _, p := range []kube.Protocol{kube.SPDY, kube.WebSocket} {
		t.Run(string(p), func(t *testing.T) { test(t, lab{l.KubeServer, l.ExecBy(p)}) })
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", nil)
	l.ready(t, ns)
	overEach(t, l, func(t *testing.T, l lab) { execCases(t, l, ns) })
}

func execCases(t *testing.T, l lab, ns string) {
	t.Run("exit code and both outputs", func(t *testing.T) {
		var out, errs bytes.Buffer
		r := execIn(ns, "p", "sh", "-c", "echo out; echo err >&2; exit 3")
		r.Stdout, r.Stderr = &out, &errs
		var exit *cluster.ExitError
		if err := l.Exec(t.Context(), r); !errors.As(err, &exit) || exit.Code != 3 {
			t.Errorf("got %v", err)
		}
		if out.String() != "out\n" || errs.String() != "err\n" {
			t.Errorf("got %q and %q", out.String(), errs.String())
		}
	})
	t.Run("a program that isn't there", func(t *testing.T) {
		err := l.Exec(t.Context(), execIn(ns, "p", "no-such-program"))
		if !errors.Is(err, cluster.ErrNotStarted) || !strings.Contains(err.Error(), "no-such-program") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a program that may not be run", func(t *testing.T) {
		if err := l.Exec(t.Context(), execIn(ns, "p", "/etc")); !errors.Is(err, cluster.ErrNotStarted) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a container that isn't there", func(t *testing.T) {
		r := execIn(ns, "p", "true")
		r.Container = "other"
		if err := l.Exec(t.Context(), r); !errors.Is(err, cluster.ErrNotStarted) || !apierrors.IsBadRequest(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a pod that isn't there", func(t *testing.T) {
		if err := l.Exec(t.Context(), execIn(ns, "q", "true")); !errors.Is(err, cluster.ErrNotStarted) || !apierrors.IsNotFound(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("input through cat", func(t *testing.T) {
		in := make([]byte, 1<<20)
		rand.Read(in)
		var out bytes.Buffer
		r := execIn(ns, "p", "cat")
		r.Stdin, r.Stdout = bytes.NewReader(in), &out
		if err := l.Exec(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in, out.Bytes()) {
			t.Errorf("%d bytes came back, not the %d sent", out.Len(), len(in))
		}
	})
	t.Run("input that stays open", func(t *testing.T) {
		open, end := io.Pipe()
		defer end.Close()
		var out bytes.Buffer
		r := execIn(ns, "p", "sh", "-c", "read -r x; echo got $x")
		r.Stdin, r.StdinStays, r.Stdout = io.MultiReader(strings.NewReader("in\n"), open), true, &out
		if err := l.Exec(t.Context(), r); err != nil || out.String() != "got in\n" {
			t.Errorf("got %q, %v", out.String(), err)
		}
	})
	t.Run("an end in time", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := l.Exec(ctx, execIn(ns, "p", "sleep", "300"))
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

func TestExecInPodThatIsDeleted(t *testing.T) {
	t.Parallel()
	overEach(t, source(t), func(t *testing.T, l lab) {
		ns := l.namespace(t)
		l.pod(t, ns, "p", nil)
		l.ready(t, ns)
		out := began{make(chan bool, 1)}
		go func() {
			<-out.c
			l.Delete(context.Background(), podKind, ns, "p", kube.DeleteOptions{})
		}()
		r := execIn(ns, "p", "sh", "-c", "echo begun; sleep 300")
		r.Stdout = out
		start := time.Now()
		err := l.Exec(t.Context(), r)
		if took := time.Since(start); err == nil || errors.Is(err, cluster.ErrNotStarted) || took > time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
		t.Logf("the error is: %v", err)
	})
}

// began tells when the first output comes.
type began struct{ c chan bool }

func (b began) Write(p []byte) (int, error) {
	select {
	case b.c <- true:
	default:
	}
	return len(p), nil
}

// The right to create pods/exec is all that it takes; over WebSocket, that to get it besides.
func TestExecRights(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", nil)
	l.ready(t, ns)
	user := "exec-" + testenv.Unique()
	limited := client(t, l.User(t, user))
	if err := limited.Exec(t.Context(), execIn(ns, "p", "true")); !apierrors.IsForbidden(err) || !errors.Is(err, cluster.ErrNotStarted) {
		t.Errorf("without any right: got %v", err)
	}
	rbac := func(name string) cluster.Resource {
		return cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: name, Namespaced: true}
	}
	l.create(t, rbac("roles"), ns, object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "exec"},
		"rules": []object{{"apiGroups": []string{""}, "resources": []string{"pods/exec"}, "verbs": []string{"create"}}}})
	l.create(t, rbac("rolebindings"), ns, object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "exec"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "exec"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}}})
	eventually(t, "the user may run a command", func() bool {
		err := limited.Exec(t.Context(), execIn(ns, "p", "true"))
		if err != nil && !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
		return err == nil
	})
	if err := limited.ExecBy(kube.WebSocket).Exec(t.Context(), execIn(ns, "p", "true")); !apierrors.IsForbidden(err) || !errors.Is(err, cluster.ErrNotStarted) {
		t.Errorf("over WebSocket: got %v", err)
	}
}
