// Package cluster holds the words in which Salvor talks to a Kubernetes cluster: resources, lists at a revision,
// objects as bytes, and commands in containers. It is pure; kube/ speaks to an API server in these words, and
// eks/ and kubeconfig/ sign in.
//
// Errors of an API server are *errors.StatusError of apimachinery, so that IsNotFound, IsForbidden and the like
// of k8s.io/apimachinery/pkg/api/errors tell them apart.
package cluster
