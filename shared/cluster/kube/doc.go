// Package kube speaks to a Kubernetes API server in the words of package cluster. It works on raw JSON: an object
// passes through as the bytes the server sent. It imports neither the typed clients nor k8s.io/api, which would
// double the size of a Lambda and its start.
package kube
