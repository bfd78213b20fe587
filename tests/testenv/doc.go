// Package testenv starts the real servers that tests run on: an S3 server, a
// DynamoDB server and a Kubernetes cluster.
//
// A server is started by the repository's tools/run the first time a test asks
// for it, is shared by all tests of that process, listens on 127.0.0.1 only, and
// ends with the process (tools/run watches its pid), however the process ends.
// A test never skips because a server is missing: it fails and says why.
//
// Tests share a server, so each keeps to names of its own (see [Unique]).
package testenv
