package main

import (
	"slices"

	"salvor.io/salvor/tests/compare"
)

// shop is the application: where it runs and of what it is made.
type shop struct {
	// web and db are its namespaces; glob matches both.
	web, db, glob string
	// group is that of its own kind.
	group string
	// app is the folder of its manifests.
	app string
}

// ownShop is the application on a cluster of the demo's own, where nobody else uses the names.
var ownShop = shop{web: "shop-web", db: "shop-db", glob: "shop-*", group: "shop.example.com", app: "tests/demo/app"}

// crd is the name of the definition of its own kind.
func (s shop) crd() string { return "offers." + s.group }

// scope is all that it consists of.
func (s shop) scope() compare.Scope {
	return compare.Scope{
		Namespaces: []string{s.db, s.web},
		Global:     map[string][]string{"customresourcedefinitions.apiextensions.k8s.io": {s.crd()}},
	}
}

// copies are namespaces for a second restore into the same cluster, by those they are copied from.
func (s shop) copies() map[string]string {
	return map[string]string{s.web: s.web + "-copy", s.db: s.db + "-copy"}
}

// all are the names of all namespaces that a demo on somebody's cluster makes.
func (s shop) all() []string {
	names := []string{s.db, s.web}
	for _, name := range s.copies() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
