// Package cluster starts a throw-away Kubernetes.
//
// The control plane is etcd, the API server and the controller manager. A node
// adds a scheduler, containerd and a kubelet, so that pods really run. Snapshots
// add a CSI driver called like that of EBS, with the real sidecars around it.
package cluster

// Version is the Kubernetes that is built from this module.
const Version = "v1.36.3"

// Options say what a cluster consists of.
type Options struct {
	// Node adds a node on which pods run. It needs root.
	Node bool `json:"node,omitempty"`
	// Snapshots adds the CSI driver, its StorageClass and volume snapshots. It needs Node.
	Snapshots bool `json:"snapshots,omitempty"`
	// SnapshotDelay is how long a snapshot is pending, as a Go duration.
	SnapshotDelay string `json:"snapshotDelay,omitempty"`
	// GroupSnapshots makes the driver one that has them. It needs Snapshots.
	GroupSnapshots bool `json:"groupSnapshots,omitempty"`
	// Storage is a directory of volumes and snapshots that outlives the cluster
	// and may be shared by several; empty is one of its own.
	Storage string `json:"storage,omitempty"`
	// ReachPods lets the machine, and so the API server and the kubelet, reach
	// pods by their addresses: webhooks and HTTP probes work. It needs Node.
	ReachPods bool `json:"reachPods,omitempty"`
	// Programs are images of one static program each: the tag, and the program's path.
	Programs map[string]string `json:"programs,omitempty"`
	// Images are archives of images, as `docker save` writes them.
	Images []string `json:"images,omitempty"`
	// IAM lets AWS identities sign in, as EKS does.
	IAM bool `json:"iam,omitempty"`
	// APIServerArgs are appended to the API server's own.
	APIServerArgs []string `json:"apiserverArgs,omitempty"`
}

// Result is what `up` prints.
type Result struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	// Kubeconfig is that of an administrator.
	Kubeconfig string `json:"kubeconfig"`
	// Server is the URL of the API server.
	Server  string `json:"server"`
	Version string `json:"version"`
	// Node is the node's name; empty without one.
	Node string `json:"node"`
	// Storage is the directory of volumes and snapshots; empty without Snapshots.
	Storage string `json:"storage,omitempty"`
	// AWS is set with IAM only.
	AWS *AWS `json:"aws,omitempty"`
}
