package apps_test

import (
	"net"
	"net/url"
	"time"
)

// deploy runs all applications, and the neighbour.
func (s *site) deploy() {
	s.Helper()
	// As where there is no kube-proxy: pods on the network of the machine find the API server by its own address.
	server, err := url.Parse(s.Server)
	if err != nil {
		s.Fatal(err)
	}
	host, port, err := net.SplitHostPort(server.Host)
	if err != nil {
		s.Fatal(err)
	}
	s.kubectl("create", "namespace", "sites")
	s.kubectl("create", "configmap", "-n", "sites", "kubernetes-services-endpoint", "--from-literal=KUBERNETES_SERVICE_HOST="+host, "--from-literal=KUBERNETES_SERVICE_PORT="+port)
	args := []string{"apply", "-f", s.file("neighbour.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: bookshop}\n---"+neighbour)}
	for _, a := range apps {
		args = append(args, "-f", s.manifest(a.files[0]))
	}
	s.kubectl(args...)
	cert, key := s.certificate()
	s.kubectl("create", "secret", "tls", "storefront-tls", "-n", "storefront", "--cert="+cert, "--key="+key)
	operator := apps["an operator with definitions and webhooks"]
	s.running(operator, operator.workloads[:2])
	s.eventually("Sites can be made", "apply", "-f", s.manifest("sites.yaml"))
	for name, a := range apps {
		s.eventually("the workloads of "+name+" are there", append([]string{"get", "-n", a.namespace}, a.workloads...)...)
		s.running(a, a.workloads)
		s.answers(a)
	}
}

// eventually runs kubectl until it succeeds.
func (s *site) eventually(what string, args ...string) {
	s.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if _, err = s.TryKubectl(s.Context(), args...); err == nil {
			return
		}
	}
	s.Fatalf("waited in vain until %s: %v", what, err)
}

// deleteNamespaces deletes the namespaces of all applications. Sites go first: without the webhook that converts them,
// they can't be listed, and their namespace would stay for ever.
func (s *site) deleteNamespaces() {
	s.Helper()
	s.kubectl("delete", "sites.web.example.com", "--all", "-n", "sites")
	// While nobody answers it, it would let no pod of the operator start, restored or not.
	s.kubectl("delete", validatingKind+"/sites-pods")
	args := []string{"delete", "namespace"}
	for _, a := range apps {
		args = append(args, a.namespace)
		// What protects claims would hold up the namespace.
		s.kubectl("delete", "-n", a.namespace, "--all", "--wait=false", "deployments,statefulsets,persistentvolumeclaims")
	}
	s.kubectl(args...)
}

// deleteGlobal deletes what the applications have without namespace.
func (s *site) deleteGlobal() {
	s.Helper()
	args := []string{"delete"}
	for _, a := range apps {
		for kind, names := range a.global {
			for _, name := range names {
				if name == "sites-pods" {
					continue // gone already
				}
				args = append(args, kind+"/"+name)
			}
		}
	}
	s.kubectl(args...)
	for name, a := range apps {
		if left := s.snapshot(a); len(left.Objects) > 0 {
			s.Fatalf("of %s is left: %v", name, left.Keys())
		}
	}
}
