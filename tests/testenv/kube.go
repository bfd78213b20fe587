package testenv

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// KubeOptions says which Kubernetes cluster a test needs.
type KubeOptions struct {
	// Name tells clusters of one process apart, such as "source" and "target".
	// Calls with equal options return the same cluster.
	Name string
	// Node adds a node that runs pods: kubelet and containerd. It needs root.
	// Without it there is the control plane alone.
	Node bool
	// Snapshots adds a CSI driver called like that of EBS and the snapshot
	// controller. It needs Node.
	Snapshots bool
	// GroupSnapshots makes that driver one that has group snapshots. It needs Snapshots.
	GroupSnapshots bool
	// Storage is a directory of volumes and snapshots that clusters share, as those of one AWS account do; empty: the cluster's own.
	Storage string
	// ReachPods lets webhooks, HTTP probes and the API server's proxy reach pods. It needs Node.
	ReachPods bool
	// Programs are images of one static program each: the tag, and the program's path. They need Node.
	Programs map[string]string
	// Images are archives of images, such as DatabaseImage. They need Node.
	Images []string
	// APIServerArgs are flags for the API server, as --x=y.
	APIServerArgs []string
}

// KubeServer is a running Kubernetes cluster.
type KubeServer struct {
	Name       string `json:"name"`
	Dir        string `json:"dir"`        // everything the cluster keeps
	Kubeconfig string `json:"kubeconfig"` // path; signs in as cluster-admin
	Server     string `json:"server"`     // https://127.0.0.1:port
	Version    string `json:"version"`
	Storage    string `json:"storage"` // directory of volumes and snapshots; empty without Snapshots
	Node       bool   `json:"-"`       // pods run here
}

// Kube returns this process's cluster with these options.
func Kube(t testing.TB, o KubeOptions) KubeServer {
	t.Helper()
	args := []string{"localkube", "up", "--name", serverName(o.Name)}
	if o.Node {
		args = append(args, "--node")
	}
	if o.Snapshots {
		args = append(args, "--snapshots")
	}
	if o.GroupSnapshots {
		args = append(args, "--group-snapshots")
	}
	if o.Storage != "" {
		args = append(args, "--storage", o.Storage)
	}
	if o.ReachPods {
		args = append(args, "--reach-pods")
	}
	for tag, path := range o.Programs {
		args = append(args, "--program", tag+"="+path)
	}
	for _, file := range o.Images {
		args = append(args, "--image", file)
	}
	for _, a := range o.APIServerArgs {
		args = append(args, "--apiserver-arg="+a)
	}
	k := start[KubeServer](t, fmt.Sprintf("localkube %+v", o), append(args, watch()...)...)
	if k.Kubeconfig == "" {
		t.Fatal("starting a server for the test: tools/run localkube up named no kubeconfig")
	}
	k.Node = o.Node
	return k
}

// DatabaseImage is the archive of localhost/salvor/databases:1, which holds PostgreSQL, MariaDB and Redis as Debian has them.
func DatabaseImage(t testing.TB) string {
	t.Helper()
	out, err := run(t.Context(), "databases")
	if err != nil {
		t.Fatalf("making the image of databases: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// Kubectl runs kubectl at the cluster, as a user would, and returns what it printed. It fails the test if kubectl does.
func (k KubeServer) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := k.TryKubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryKubectl is Kubectl for what may fail.
func (k KubeServer) TryKubectl(ctx context.Context, args ...string) (string, error) {
	out, err := run(ctx, append([]string{"kubectl", "--kubeconfig", k.Kubeconfig}, args...)...)
	return string(out), err
}

// User returns the path of a kubeconfig that signs in as user, a member of
// groups. The user may do only what RBAC grants.
func (k KubeServer) User(t testing.TB, user string, groups ...string) string {
	t.Helper()
	args := []string{"localkube", "user", "--name", k.Name, "--user", user}
	for _, g := range groups {
		args = append(args, "--group", g)
	}
	out, err := run(t.Context(), args...)
	if err != nil {
		t.Fatalf("making a kubeconfig for user %s: %v", user, err)
	}
	path := strings.TrimSpace(string(out))
	if path == "" {
		t.Fatalf("making a kubeconfig for user %s: tools/run localkube user printed no path", user)
	}
	return path
}

// Compact compacts the cluster's etcd: revisions older than the newest can no
// longer be listed, as happens by itself after some five minutes.
func (k KubeServer) Compact(t testing.TB) {
	t.Helper()
	if _, err := run(t.Context(), "localkube", "compact", "--name", k.Name); err != nil {
		t.Fatalf("compacting etcd: %v", err)
	}
}
