package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Cluster is a Kubernetes cluster that Salvor may reach.
type Cluster struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       ClusterSpec   `json:"spec"`
	Status     ClusterStatus `json:"status,omitzero"`
}

// ClusterSpec says how to reach the cluster: exactly one of EKS and Kubeconfig.
type ClusterSpec struct {
	// ID names the cluster in stored keys; it never changes. Default: metadata.name.
	ID string `json:"id,omitempty"`
	// EKS reaches an Amazon EKS cluster with a token of aws-iam-authenticator.
	EKS *EKSCluster `json:"eks,omitempty" jsonschema:"oneof_required=eks"`
	// Kubeconfig reaches any other cluster through a kubeconfig file.
	Kubeconfig *KubeconfigCluster `json:"kubeconfig,omitempty" jsonschema:"oneof_required=kubeconfig"`
}

// EKSCluster is an Amazon EKS cluster.
type EKSCluster struct {
	// ARN is the cluster's ARN, arn:aws:eks:REGION:ACCOUNT:cluster/NAME.
	ARN string `json:"arn"`
	// RoleARN is assumed before signing in; empty: the caller's own identity.
	RoleARN string `json:"roleARN,omitempty"`
	// ExternalID goes with RoleARN.
	ExternalID string `json:"externalID,omitempty"`
}

// KubeconfigCluster is a context of a kubeconfig file.
type KubeconfigCluster struct {
	// Path of the file; empty: $KUBECONFIG, then ~/.kube/config.
	Path string `json:"path,omitempty"`
	// Context in the file; empty: its current context.
	Context string `json:"context,omitempty"`
}

// ClusterStatus is what Salvor last saw of the cluster.
type ClusterStatus struct {
	// UID is that of the namespace kube-system: it tells one cluster from another of the same name.
	UID string `json:"uid,omitempty"`
	// Version of the API server, such as v1.36.3.
	Version string `json:"version,omitempty"`
	// CheckedAt is when the cluster last answered.
	CheckedAt metav1.Time `json:"checkedAt,omitzero"`
}

// ID returns the cluster's id in stored keys.
func (c *Cluster) ID() string {
	if c.Spec.ID != "" {
		return c.Spec.ID
	}
	return c.Name
}
