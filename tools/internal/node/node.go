// Package node makes this machine a node of a throw-away cluster.
//
// A node is containerd with runc, a bridge for its pods, a kubelet, and the few
// images pods can be made of. It runs in PID and mount namespaces of its own:
// there the usual directories (/var/lib/kubelet, /run/containerd, …) are those
// of this node only, and the kernel ends whatever is left when the node ends.
// Several nodes, of several clusters, live side by side.
package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/kubeapi"
)

// Node is one node, to be started or cleaned up after.
type Node struct {
	// ID is short and differs between nodes: the bridge and the cgroup are named by it.
	ID string
	// Dir holds the node's files.
	Dir string
	// Bin is the directory of the kubelet and of what images are made of.
	Bin string
	// Kubeconfig is what the kubelet signs in with.
	Kubeconfig string
	// CA is the authority whose client certificates the kubelet trusts; Cert and
	// Key are what it serves with.
	CA, Cert, Key string
	// Port is the kubelet's, on 127.0.0.1.
	Port int
	// Reach gives the machine an address in the pods' network.
	Reach bool
	// Programs become images: the tag, and the path of a static program.
	Programs map[string]string
	// Images are archives of further images.
	Images []string
}

// Name returns the node's name, in the form that EC2 gives.
func (n *Node) Name() string {
	a, b := n.numbers()
	return fmt.Sprintf("ip-10-%d-%d-10.ec2.internal", a, b)
}

// numbers are two bytes that tell nodes apart, in names and in subnets.
func (n *Node) numbers() (a, b byte) {
	if _, err := fmt.Sscanf(n.ID, "%2x%2x", &a, &b); err != nil {
		return 0, 0
	}
	return a, b
}

func (n *Node) path(elem ...string) string {
	return filepath.Join(append([]string{n.Dir}, elem...)...)
}

// StartRuntime starts containerd, inside the node's namespaces, and gives it
// its images.
func (n *Node) StartRuntime(ctx context.Context, group *child.Group) error {
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return fmt.Errorf("making the node's directory: %w", err)
	}
	if err := n.mount(); err != nil {
		return err
	}
	if n.Reach {
		if err := n.makeBridge(); err != nil {
			return err
		}
	}
	if err := n.startContainerd(ctx, group); err != nil {
		return err
	}
	return n.importImages(group)
}

// StartKubelet joins the cluster and returns when the node is ready.
func (n *Node) StartKubelet(ctx context.Context, group *child.Group, api *kubeapi.Client) error {
	if err := n.makeCgroup(); err != nil {
		return err
	}
	if err := n.register(ctx, api); err != nil {
		return err
	}
	if err := n.startKubelet(group); err != nil {
		return err
	}
	return child.Poll(ctx, "node "+n.Name()+" to be ready", n.ready(api))
}

// Clean removes what outlives the namespaces: the bridge and the cgroup.
func (n *Node) Clean() error {
	if err := n.removeBridge(); err != nil {
		return err
	}
	return n.removeCgroup()
}
