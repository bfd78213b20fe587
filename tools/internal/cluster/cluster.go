package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/kubeapi"
	"salvor.io/salvor/tools/internal/pki"
	"salvor.io/salvor/tools/internal/port"
)

// Cluster is one cluster to be started or cleaned up after.
type Cluster struct {
	Name string
	Dir  string
	// Bin is the directory of the programs.
	Bin     string
	Options Options
	// Limit is how long it may take to come up.
	Limit time.Duration
	// ID is short and differs between clusters; see instance.Instance.
	ID  string
	Now func() time.Time
}

// run is a cluster on its way up.
type run struct {
	*Cluster
	layout layout
	ports  ports
	certs  *certs
	api    *kubeapi.Client
	group  *child.Group
	step   func(string)
	aws    *AWS // nil without IAM
}

// Start brings the cluster up. See guard.Server.
func (c *Cluster) Start(ctx context.Context, group *child.Group, step func(string)) (any, error) {
	limited, cancel := context.WithTimeoutCause(ctx, c.Limit, fmt.Errorf("the cluster took longer than %s to start; --timeout gives it more", c.Limit))
	defer cancel()
	r := &run{Cluster: c, layout: layout(c.Dir), group: group, step: step}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if err := r.bringUp(limited); err != nil {
		return nil, err
	}
	up := Result{
		Name: c.Name, Dir: c.Dir, Version: Version,
		Kubeconfig: r.layout.config(adminUser), Server: url(r.ports.apiserver), AWS: r.aws,
	}
	if c.Options.Node {
		up.Node = c.node().Name()
	}
	if c.Options.Snapshots {
		up.Storage = r.storage()
	}
	return up, nil
}

// bringUp starts all that the options ask for and waits for all of it.
func (r *run) bringUp(ctx context.Context) error {
	runtime := r.startRuntime(ctx)
	if err := r.controlPlane(ctx); err != nil {
		return err
	}
	if err := <-runtime; err != nil {
		return err
	}
	if r.Options.Node {
		if err := r.startNode(ctx); err != nil {
			return err
		}
	}
	if err := child.Poll(ctx, "the default ServiceAccount", r.api.Succeeds("/api/v1/namespaces/default/serviceaccounts/default")); err != nil {
		return err
	}
	r.step("cluster ready")
	return nil
}

// prepare makes certificates and chooses ports.
func (r *run) prepare() error {
	free, err := port.Free(4)
	if err != nil {
		return err
	}
	r.ports = ports{etcd: free[0], etcdPeer: free[1], apiserver: free[2], kubelet: free[3]}
	if err := os.WriteFile(r.layout.etcdURL(), []byte(url(r.ports.etcd)), 0o600); err != nil {
		return fmt.Errorf("noting the address of etcd: %w", err)
	}
	if r.certs, err = makeCerts(r.layout, r.Now()); err != nil {
		return err
	}
	admin, err := r.certs.kubeconfig(r.layout.config(adminUser), r.Name, url(r.ports.apiserver),
		pki.Request{Name: adminUser, Groups: []string{mastersGroup}})
	if err != nil {
		return err
	}
	r.api, err = kubeapi.New(url(r.ports.apiserver), r.certs.ca.CertPEM, admin)
	return err
}

// controlPlane returns when the API server is ready; the controller manager may
// still be on its way.
func (r *run) controlPlane(ctx context.Context) error {
	if err := r.start("etcd", etcdArgs(r.layout, r.ports)); err != nil {
		return err
	}
	iam, err := r.startIAM(ctx)
	if err != nil {
		return err
	}
	if err := r.start("kube-apiserver", apiserverArgs(r.layout, r.ports, append(iam, r.Options.APIServerArgs...))); err != nil {
		return err
	}
	r.step("started etcd and kube-apiserver")
	// The controller manager gives up when there is no API server for 10 s.
	if err := child.Poll(ctx, "the API server to live", r.api.Succeeds("/livez/ping")); err != nil {
		return err
	}
	if err := r.start("kube-controller-manager", controllerManagerArgs(r.layout)); err != nil {
		return err
	}
	if err := child.Poll(ctx, "the API server to be ready", r.api.Succeeds("/readyz")); err != nil {
		return err
	}
	r.step("kube-apiserver ready at " + url(r.ports.apiserver))
	return nil
}

func (r *run) start(program string, args []string) error {
	return r.group.Start(program, nil, filepath.Join(r.Bin, program), args...)
}

// Clean removes what outlives the processes and the directory. See guard.Server.
func (c *Cluster) Clean() error {
	if !c.Options.Node {
		return nil
	}
	return c.node().Clean()
}
