package apps_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/testenv"
)

// The images of the manifests, and those that a throw-away cluster has.
var images = strings.NewReplacer("busybox:1.37", "localhost/salvor/busybox:1", "sites-operator:1", "localhost/salvor/sites-operator:1")

// site is the cluster that the applications run in.
type site struct {
	*testing.T
	testenv.KubeServer
	*kube.Client
	raw rest.Interface
	dir string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir()}
	s.KubeServer = testenv.Kube(t, testenv.KubeOptions{Name: "apps", Node: true, Snapshots: true, ReachPods: true,
		Programs: map[string]string{"localhost/salvor/sites-operator:1": testenv.Program(t, "./tests/apps/sites")}})
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if s.Client, err = kube.New(config); err != nil {
		t.Fatal(err)
	}
	config.QPS, config.APIPath, config.NegotiatedSerializer = -1, "/", scheme.Codecs.WithoutConversion()
	if s.raw, err = rest.UnversionedRESTClientFor(config); err != nil {
		t.Fatal(err)
	}
	return s
}

// of is the same cluster for a part of the test.
func (s *site) of(t *testing.T) *site {
	part := *s
	part.T = t
	return &part
}

// file writes a file and returns its path.
func (s *site) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// manifest returns the path of a manifest of docs/examples/apps, with the images that the cluster has.
func (s *site) manifest(name string) string {
	s.Helper()
	root, err := testenv.Root()
	if err != nil {
		s.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "docs", "examples", "apps", name))
	if err != nil {
		s.Fatal(err)
	}
	return s.file(name, images.Replace(string(data)))
}

// kubectl runs kubectl as a user would.
func (s *site) kubectl(args ...string) {
	s.Helper()
	s.KubeServer.Kubectl(s.T, args...)
}

// running waits until all pods of the application are ready.
func (s *site) running(a app, workloads []string) {
	s.Helper()
	for _, w := range workloads {
		s.kubectl("rollout", "status", "-n", a.namespace, w, "--timeout=90s")
	}
}

// answers asks the probes until they answer as they should.
func (s *site) answers(a app) {
	s.Helper()
	for _, p := range a.probes {
		var got string
		var err error
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if got, err = s.ask(a, p); err == nil && got == p.want {
				break
			}
		}
		if err != nil || got != p.want {
			s.Errorf("%s%s answers %q and %v, want %q", p.service+p.pod, p.path, got, err, p.want)
		}
	}
}

func (s *site) ask(a app, p probe) (string, error) {
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	if p.service != "" {
		data, err := s.raw.Get().AbsPath("/api/v1/namespaces/" + a.namespace + "/services/" + p.service + "/proxy" + p.path).DoRaw(ctx)
		return string(data), err
	}
	var out, errs bytes.Buffer
	err := s.Exec(ctx, cluster.ExecRequest{Namespace: a.namespace, Pod: p.pod, Command: []string{"sh", "-c", p.command}, Stdout: &out, Stderr: &errs})
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &errs)
	}
	return out.String(), err
}

// snapshot is what there is of the application.
func (s *site) snapshot(a app) *compare.Snapshot {
	s.Helper()
	shot, err := compare.Take(s.Context(), s.Kubeconfig, a.scope())
	if err != nil {
		s.Fatal(err)
	}
	return shot
}

// certificate makes a certificate for the shop, and the paths of it and its key.
func (s *site) certificate() (cert, key string) {
	s.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example.com"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		s.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		s.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return s.file("tls.crt", text("CERTIFICATE", der)), s.file("tls.key", text("EC PRIVATE KEY", keyDER))
}
