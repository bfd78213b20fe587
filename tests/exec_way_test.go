package tests

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// A load balancer that passes no upgrade on but that to a WebSocket.
func TestExecBehindAProxyThatKnowsOnlyWebSocket(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", nil)
	l.ready(t, ns)
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: l.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	config.TLSClientConfig.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		if r.In.Header.Get("Upgrade") != "websocket" {
			r.Out.Header.Del("Upgrade")
		}
	}})
	defer proxy.Close()
	c, err := kube.New(&rest.Config{Host: proxy.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ExecBy(kube.SPDY).Exec(t.Context(), execIn(ns, "p", "true")); !salvor.Is(err, salvor.Unavailable) || !errors.Is(err, cluster.ErrNotStarted) {
		t.Errorf("over SPDY: got %v", err)
	}
	for _, in := range []io.Reader{nil, strings.NewReader("in\n")} {
		r := execIn(ns, "p", "sh", "-c", "cat; exit 3")
		r.Stdin = in
		var exit *cluster.ExitError
		if err := c.Exec(t.Context(), r); !errors.As(err, &exit) || exit.Code != 3 {
			t.Errorf("got %v", err)
		}
	}
}

// A line between here and the API server that breaks.
func TestExecLostOnTheWay(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", nil)
	l.ready(t, ns)
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: l.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	address, cut := relay(t, server.Host)
	config.Host, config.TLSClientConfig.ServerName = "https://"+address, "127.0.0.1"
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 2)
	for _, p := range []kube.Protocol{kube.SPDY, kube.WebSocket} {
		out := began{make(chan bool, 1)}
		r := execIn(ns, "p", "sh", "-c", "echo begun; sleep 5")
		r.Stdout = out
		go func() { lost <- c.ExecBy(p).Exec(t.Context(), r) }()
		<-out.c
	}
	cut()
	for range 2 {
		if err := <-lost; !errors.Is(err, cluster.ErrLost) {
			t.Errorf("got %v", err)
		}
	}
}

// relay passes connections on to an address until it is cut.
func relay(t *testing.T, to string) (address string, cut func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go io.Copy(out, in)
			go io.Copy(in, out)
			context.AfterFunc(ctx, func() { in.Close(); out.Close() })
		}
	}()
	return listener.Addr().String(), cancel
}

// A kubelet that dies while a command runs must not make it a success: kubectl exec says 0 then. The cluster is lost
// with it, so it is one of its own; its API server translates WebSockets as those before Kubernetes 1.36 do.
func TestExecLostBehindTheServer(t *testing.T) {
	t.Parallel()
	l := labOf(t, testenv.KubeOptions{Name: "lost", Node: true, APIServerArgs: []string{"--feature-gates=ExtendWebSocketsToKubelet=false"}})
	const ns = "default"
	l.pod(t, ns, "p", nil)
	l.ready(t, ns)
	lost := make(chan error, 2)
	for _, p := range []kube.Protocol{kube.SPDY, kube.WebSocket} {
		out := began{make(chan bool, 1)}
		r := execIn(ns, "p", "sh", "-c", "echo begun; sleep 5; exit 9")
		r.Stdout = out
		go func() { lost <- l.ExecBy(p).Exec(t.Context(), r) }()
		<-out.c
	}
	start := time.Now()
	syscall.Kill(pidOf(t, "kubelet", l.Dir), syscall.SIGKILL)
	for range 2 {
		if err := <-lost; !errors.Is(err, cluster.ErrLost) {
			t.Errorf("got %v", err)
		}
	}
	t.Logf("after %v", time.Since(start))
}

// pidOf finds the process of a program of a cluster: its command line names the cluster's directory.
func pidOf(t *testing.T, program, dir string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		line, err := os.ReadFile(f)
		argv := strings.Split(string(line), "\x00")
		if err != nil || filepath.Base(argv[0]) != program || !strings.Contains(string(line), dir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatalf("no process of %s belongs to %s", program, dir)
	return 0
}
