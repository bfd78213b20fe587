package kube

// ReadList is readList for tests.
var ReadList = readList
