package cluster

import "path/filepath"

// layout gives every file of a cluster its place under one directory.
type layout string

func (l layout) pki(name string) string    { return filepath.Join(string(l), "pki", name) }
func (l layout) cert(name string) string   { return l.pki(name + ".crt") }
func (l layout) key(name string) string    { return l.pki(name + ".key") }
func (l layout) config(user string) string { return filepath.Join(string(l), user+".kubeconfig") }
func (l layout) etcd() string              { return filepath.Join(string(l), "etcd") }
func (l layout) etcdURL() string           { return filepath.Join(string(l), "etcd.url") }
func (l layout) node() string              { return filepath.Join(string(l), "node") }

// Kubeconfig returns where a user's kubeconfig lies in a cluster's directory.
func Kubeconfig(dir, user string) string { return layout(dir).config(user) }
