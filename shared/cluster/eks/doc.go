// Package eks signs in to Amazon EKS clusters.
//
// Access is one AWS identity that signs in. A sign-in asks EKS where the cluster is, assuming a role first if the
// Cluster names one, and signs a token: a GetCallerIdentity request of STS for this cluster alone, which the cluster
// sends to STS to learn who it is (https://github.com/kubernetes-sigs/aws-iam-authenticator). A token lives for 15
// minutes. It is renewed before it ends, for as long as the connection is used, and is nowhere but in requests.
package eks
