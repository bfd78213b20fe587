// Command kube is etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
// kubelet and kubectl in one: it is whichever of them it is called as. Shared
// packages are compiled and linked once, which saves minutes and 400 MB.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// roles maps the name this binary is called by to what it then is.
var roles = map[string]func(){
	"etcd":                    etcd,
	"kube-apiserver":          apiserver,
	"kube-controller-manager": controllerManager,
	"kube-scheduler":          scheduler,
	"kubelet":                 kubelet,
	"kubectl":                 kubectl,
}

func main() {
	name := filepath.Base(os.Args[0])
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "kube: called as %q; call it through a symlink named etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet or kubectl\n", name)
		os.Exit(2)
	}
	role()
}
