package transform

import (
	"fmt"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// Options say where the object goes.
type Options struct {
	// Namespaces renames namespaces: old name to new.
	Namespaces map[string]string
	// StorageClasses renames storage classes: old name to new.
	StorageClasses map[string]string
	// OwnerUID returns the UID in the target of the object that had the old one; false when there is none yet. Nil: there is none.
	OwnerUID func(old string) (string, bool)
}

// Change is one thing that is not as in the backup.
type Change struct {
	// Path is a JSON pointer.
	Path   string
	Reason string
}

// Result is an object as it goes back.
type Result struct {
	// Namespace and Name are those in the target.
	Namespace, Name string
	// OldUID is what the old cluster called it.
	OldUID string
	// Body is the object to create.
	Body    []byte
	Changes []Change
	// Owners are all owner references, as in the backup; Unresolved are those that Body lacks, because their owner has no UID in the target yet.
	Owners, Unresolved []Owner
	// rebound: subjects of a cluster-wide binding followed the namespace mapping.
	rebound bool
}

// Object returns the object as it goes back. A *Skip error says that it doesn't, and why.
func Object(raw []byte, res cluster.Resource, o Options) (*Result, error) {
	if reason := skipReason(res.String(), raw); reason != "" {
		return nil, &Skip{reason}
	}
	return edit(raw, res, o, false)
}

// Normal returns what a live object has in common with the objects that Object returns: without what a restore never
// compares. Its owners keep their UIDs.
func Normal(live []byte, res cluster.Resource) ([]byte, error) {
	r, err := edit(live, res, Options{}, true)
	if err != nil {
		return nil, err
	}
	if uid := rawjson.Get(live, "spec", "claimRef", "uid"); uid != nil && res.String() == "persistentvolumes" && !claimed(live) {
		r.Body = put(r.Body, at("spec", "claimRef", "uid"), uid) // it keeps new claims away
	}
	return r.Body, nil
}

func edit(raw []byte, res cluster.Resource, o Options, live bool) (*Result, error) {
	root, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading an object of %s: %w", res, err)
	}
	meta, err := parse(root.get("metadata"))
	if err != nil {
		return nil, fmt.Errorf("reading metadata of an object of %s: %w", res, err)
	}
	r := &Result{Changes: make([]Change, 0, 8)}
	r.editMeta(&meta, res, o, live)
	root.set("metadata", meta.bytes())
	if BuiltIn(res.Group) && root.get("status") != nil {
		root.set("status", nil)
		r.changed("/status", setByController)
	}
	r.Body = root.bytes()
	r.apply(rules[res.String()], raw)
	if len(o.Namespaces) > 0 {
		r.moveNamespaces(res, o.Namespaces)
	}
	if len(o.StorageClasses) > 0 {
		r.mapClasses(res, o.StorageClasses)
	}
	return r, nil
}

func (r *Result) changed(path, reason string) {
	r.Changes = append(r.Changes, Change{path, reason})
}

// editMeta takes out of metadata what an API server sets, and moves the object to its namespace.
func (r *Result) editMeta(meta *members, res cluster.Resource, o Options, live bool) {
	r.OldUID = text(meta.get("uid"))
	kept := (*meta)[:0]
	for _, m := range *meta {
		if key, err := rawjson.Unquote(m.key); err == nil && serverMeta[key] {
			r.changed("/metadata/"+key, setByServer)
			continue
		}
		kept = append(kept, m)
	}
	*meta = kept
	r.Name, r.Namespace = text(meta.get("name")), text(meta.get("namespace"))
	if to, ok := o.Namespaces[r.Namespace]; ok && r.Namespace != "" && to != r.Namespace {
		r.Namespace = to
		meta.set("namespace", quote(to))
		r.changed("/metadata/namespace", mapped)
	}
	if to, ok := o.Namespaces[r.Name]; ok && res.String() == "namespaces" && to != r.Name {
		r.Name = to
		meta.set("name", quote(to))
		r.changed("/metadata/name", mapped)
	}
	if !live {
		r.editOwners(meta, o)
	}
}

func (r *Result) editOwners(meta *members, o Options) {
	raw := meta.get("ownerReferences")
	if raw == nil {
		return
	}
	var known []Owner
	r.Owners = owners(raw)
	known, r.Unresolved = ResolveOwners(r.Owners, o.OwnerUID)
	if len(known) == 0 {
		meta.set("ownerReferences", nil)
	} else {
		meta.set("ownerReferences", encode(known))
	}
	r.changed("/metadata/ownerReferences", ofOldCluster)
}

// apply edits the body by the rules, which look at the object as it was before.
func (r *Result) apply(rules []rule, before []byte) {
	for _, rule := range rules {
		if rule.when != nil && !rule.when(before) {
			continue
		}
		after := rewrite(r.Body, rule.path, func(value []byte) []byte {
			if rule.edit == nil {
				return nil
			}
			return rule.edit(value, before)
		})
		if !same(after, r.Body) {
			r.Body = after
			r.changed(pointer(rule.path), rule.why)
		}
	}
}
