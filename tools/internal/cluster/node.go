package cluster

import (
	"context"

	"salvor.io/salvor/tools/internal/node"
	"salvor.io/salvor/tools/internal/pki"
)

// node returns the cluster's node. Its port is 0 until the cluster starts.
func (c *Cluster) node() *node.Node {
	l := layout(c.Dir)
	return &node.Node{
		ID: c.ID, Dir: l.node(), Bin: c.Bin, Kubeconfig: l.config("kubelet"),
		CA: l.cert("ca"), Cert: l.cert("kubelet"), Key: l.key("kubelet"),
		Reach: c.Options.ReachPods, Programs: c.Options.Programs, Images: c.Options.Images,
	}
}

// startRuntime starts the container runtime beside the control plane: neither
// needs the other. The channel gives one error, or nil.
func (r *run) startRuntime(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	if !r.Options.Node {
		done <- nil
		return done
	}
	go func() {
		err := r.node().StartRuntime(ctx, r.group)
		if err == nil {
			r.step("containerd ready, images imported")
		}
		done <- err
	}()
	return done
}

// startNode adds what makes pods run: the scheduler, the kubelet, and volumes if
// they are asked for.
func (r *run) startNode(ctx context.Context) error {
	if err := r.start("kube-scheduler", schedulerArgs(r.layout)); err != nil {
		return err
	}
	n := r.node()
	n.Port = r.ports.kubelet
	_, err := r.certs.kubeconfig(n.Kubeconfig, r.Name, url(r.ports.apiserver),
		pki.Request{Name: "system:node:" + n.Name(), Groups: []string{"system:nodes"}})
	if err != nil {
		return err
	}
	if err := n.StartKubelet(ctx, r.group, r.api); err != nil {
		return err
	}
	r.step("node " + n.Name() + " ready")
	if !r.Options.Snapshots {
		return nil
	}
	return r.startSnapshots(ctx)
}
