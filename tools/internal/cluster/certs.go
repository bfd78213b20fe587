package cluster

import (
	"fmt"
	"os"
	"time"

	"salvor.io/salvor/tools/internal/kubeconfig"
	"salvor.io/salvor/tools/internal/pki"
)

// The users that the cluster itself signs in as.
const (
	adminUser = "admin"
	// mastersGroup may do everything, whatever RBAC says.
	mastersGroup = "system:masters"
)

// certs is the cluster's authority and the identities made of it.
type certs struct {
	layout layout
	ca     *pki.Authority
	now    time.Time
}

// makeCerts makes what the control plane needs.
func makeCerts(l layout, now time.Time) (*certs, error) {
	if err := os.MkdirAll(l.pki(""), 0o700); err != nil {
		return nil, fmt.Errorf("making the certificate directory: %w", err)
	}
	ca, err := pki.NewAuthority("salvor-localkube", now)
	if err != nil {
		return nil, err
	}
	c := &certs{layout: l, ca: ca, now: now}
	if err := ca.Save(l.cert("ca"), l.key("ca")); err != nil {
		return nil, err
	}
	local := []string{"127.0.0.1", "localhost"}
	kubernetes := append(local, "10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
	for file, r := range map[string]pki.Request{
		"etcd":            {Name: "etcd", Hosts: local},
		"apiserver":       {Name: "kube-apiserver", Hosts: kubernetes},
		"kubelet-client":  {Name: "kube-apiserver-kubelet-client", Groups: []string{mastersGroup}},
		"kubelet":         {Name: "kubelet", Hosts: local},
		"service-account": {Name: "service-account"},
	} {
		if _, err := c.issue(file, r); err != nil {
			return nil, err
		}
	}
	return c, c.frontProxy()
}

// frontProxy makes the identity the API server forwards requests with to
// aggregated API servers. It has its own authority: whoever holds such an
// identity may claim to be anybody.
func (c *certs) frontProxy() error {
	ca, err := pki.NewAuthority("salvor-front-proxy", c.now)
	if err != nil {
		return err
	}
	if err := ca.Save(c.layout.cert("front-proxy-ca"), c.layout.key("front-proxy-ca")); err != nil {
		return err
	}
	id, err := ca.Issue(pki.Request{Name: "front-proxy-client"}, c.now)
	if err != nil {
		return err
	}
	return id.Save(c.layout.cert("front-proxy"), c.layout.key("front-proxy"))
}

// loadCerts opens the authority of a running cluster.
func loadCerts(l layout, now time.Time) (*certs, error) {
	ca, err := pki.Load(l.cert("ca"), l.key("ca"))
	if err != nil {
		return nil, err
	}
	return &certs{layout: l, ca: ca, now: now}, nil
}

func (c *certs) issue(file string, r pki.Request) (pki.Identity, error) {
	id, err := c.ca.Issue(r, c.now)
	if err != nil {
		return pki.Identity{}, err
	}
	return id, id.Save(c.layout.cert(file), c.layout.key(file))
}

// kubeconfig writes a kubeconfig for a new identity to path and returns it.
func (c *certs) kubeconfig(path, cluster, server string, r pki.Request) (pki.Identity, error) {
	id, err := c.ca.Issue(r, c.now)
	if err != nil {
		return pki.Identity{}, err
	}
	return id, kubeconfig.Config{
		Cluster: cluster, Server: server, User: r.Name,
		CA: c.ca.CertPEM, Cert: id.CertPEM, Key: id.KeyPEM,
	}.Save(path)
}
