package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// What the web shop serves at each time.
const (
	pageAtFirst  = "Welcome to the shop.\n"
	pageReleased = "Welcome to the spring sale.\n"
	pageBroken   = "404 shop not found\n"
)

// deploy runs the application and waits until all of its pods are Ready.
func (d *demo) deploy(ctx context.Context) error {
	app, verb := d.shop.app, "apply"
	if d.guest != nil {
		d.guest.made, verb = true, "create" // which refuses what is there
	}
	if _, err := d.kubectl(ctx, d.source, verb, "-f", filepath.Join(app, "0-cluster.yaml")); err != nil {
		return err
	}
	if _, err := d.kubectl(ctx, d.source, "wait", "--for=condition=Established", "crd", d.shop.crd()); err != nil {
		return err
	}
	if _, err := d.kubectl(ctx, d.source, "apply", "-f", app); err != nil {
		return err
	}
	if err := d.ownPages(ctx); err != nil {
		return err
	}
	return d.awaitPods(ctx, pageAtFirst)
}

// ownPages makes the Offer the owner of the ConfigMap: such references hold an identity that a restored owner can't have.
func (d *demo) ownPages(ctx context.Context) error {
	uid, err := d.kubectlQuietly(ctx, d.source, "get", "-n", d.shop.web, d.shop.crd(), "spring", "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"ownerReferences":[{"apiVersion":"%s/v1","kind":"Offer","name":"spring","uid":%q}]}}`, d.shop.group, uid)
	_, err = d.kubectl(ctx, d.source, "patch", "-n", d.shop.web, "configmap", "pages", "--type=merge", "-p", patch)
	return err
}

// awaitPods waits until the pods are Ready, and then asks the web shop for its page and the database for its orders.
func (d *demo) awaitPods(ctx context.Context, page string) error {
	if !d.node() {
		return nil
	}
	for _, workload := range [][2]string{{d.shop.db, "statefulset/db"}, {d.shop.web, "deployment/web"}} {
		if _, err := d.kubectl(ctx, d.source, "rollout", "status", "-n", workload[0], workload[1], "--timeout=120s"); err != nil {
			return err
		}
	}
	served, err := d.kubectl(ctx, d.source, "exec", "-n", d.shop.web, "deployment/web", "--", "wget", "-qO-", "http://127.0.0.1:8080/index.html")
	if err != nil {
		return err
	}
	d.output(served)
	if served != page {
		return fmt.Errorf("the web shop serves %q instead of %q", served, page)
	}
	_, err = d.orders(ctx)
	return err
}

// orders is how many orders the database has taken.
func (d *demo) orders(ctx context.Context) (n int, err error) {
	out, err := d.kubectlQuietly(ctx, d.source, "exec", "-n", d.shop.db, "db-0", "--", "wc", "-l", "/data/orders")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscan(strings.TrimSpace(out), &n); err != nil || n == 0 {
		return 0, fmt.Errorf("the database has taken no orders: %q", out)
	}
	d.say("the database has taken %d orders", n)
	return n, nil
}
