// Package eks holds tests of the sign-in to EKS clusters: the real token, a real Kubernetes, and the authenticator of
// EKS between them. Nothing but AWS itself is stood in for, and that checks signatures and policies.
package eks
