package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"salvor.io/salvor/tests/compare"
)

// prepare tells Salvor what it needs to know, once.
func (d *demo) prepare(ctx context.Context) error {
	for _, args := range [][]string{
		{"cluster", "add", "production", "--kubeconfig", d.source.Kubeconfig},
		{"location", "add", "disk", "--dir", filepath.Join(d.dir, "backups")},
		{"apply", "-f", filepath.Join("tests", "demo", "rules.yaml")},
	} {
		if _, err := d.salvor(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// create makes one backup.
func (d *demo) create(ctx context.Context, name, namespaces string, more ...string) error {
	args := append([]string{"backup", "create", name, "--cluster", "production", "--location", "disk", "-n", namespaces}, more...)
	if !d.node() {
		file, err := d.withoutVolumes(name, namespaces)
		if err != nil {
			return err
		}
		args = []string{"backup", "create", "-f", file}
	}
	_, err := d.salvor(ctx, args...)
	return err
}

// withoutVolumes writes a backup as a document: without a node no claim has a volume, and one that can't be cut is a failure.
func (d *demo) withoutVolumes(name, namespaces string) (file string, err error) {
	file = filepath.Join(d.dir, name+".yaml")
	text := fmt.Sprintf(`apiVersion: salvor.io/v1
kind: Backup
metadata: {name: %s}
spec:
  cluster: production
  location: disk
  scope: {namespaces: ["%s"]}
  volumes: {policies: [{action: Skip, reason: without a node there are no volumes}]}
`, name, namespaces)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// backUp makes two backups: one of both namespaces, with the rules, and after a release one of the web shop alone. What
// is restored later is a set of both.
func (d *demo) backUp(ctx context.Context) error {
	var rules []string
	if d.node() {
		rules = []string{"--pre-exec-rule", "freeze", "--post-exec-rule", "thaw"}
	}
	if err := d.create(ctx, "nightly", d.shop.glob, rules...); err != nil {
		return err
	}
	if err := d.checkFrozen(ctx); err != nil {
		return err
	}
	d.say("a release of the web shop, and a backup of it alone:")
	if err := d.setPage(ctx, pageReleased); err != nil {
		return err
	}
	if _, err := d.kubectl(ctx, d.source, "scale", "-n", d.shop.web, "deployment", "web", "--replicas=3"); err != nil {
		return err
	}
	return d.create(ctx, "release", d.shop.web, "--labels", "reason=release")
}

// setPage changes what the web shop serves; pods that run take it over within a minute or so.
func (d *demo) setPage(ctx context.Context, page string) error {
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"index.html": page}})
	if err != nil {
		return err
	}
	_, err = d.kubectl(ctx, d.source, "patch", "-n", d.shop.web, "configmap", "pages", "--type=merge", "-p", string(patch))
	return err
}

// checkFrozen reads in the pod what the rules wrote there.
func (d *demo) checkFrozen(ctx context.Context) error {
	if !d.node() {
		return nil
	}
	history, err := d.kubectl(ctx, d.source, "exec", "-n", d.shop.db, "db-0", "--", "cat", "/data/history")
	if err != nil {
		return err
	}
	d.output(history)
	var frozen, thawed int
	if n, err := fmt.Sscanf(history, "frozen %d\nthawed %d\n", &frozen, &thawed); n != 2 || frozen != thawed {
		return fmt.Errorf("the rules did not hold the writes: %q (%w)", history, err)
	}
	d.frozen = frozen
	if err := d.awaitOrders(ctx, thawed); err != nil {
		return err
	}
	d.prove("the pre-exec rule held the database at %d orders, the post-exec rule let it go on: it had %d orders at both ends and takes more since", frozen, thawed)
	return nil
}

// awaitOrders waits until the database has taken more orders than that.
func (d *demo) awaitOrders(ctx context.Context, than int) error {
	for range 50 {
		now, err := d.orders(ctx)
		if err != nil {
			return err
		}
		if now > than {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the database is still frozen at %d orders", than)
}

// remember reads every object from the API server itself, and chooses the moment to go back to.
func (d *demo) remember(ctx context.Context) (err error) {
	if d.before, err = compare.Take(ctx, d.source.Kubeconfig, d.shop.scope()); err != nil {
		return err
	}
	kinds := map[string]bool{}
	for k := range d.before.Objects {
		kinds[k.Kind] = true
	}
	d.say("%d objects of %d kinds, %d bytes, by plain requests", len(d.before.Objects), len(kinds), d.before.Bytes())
	d.asOf = time.Now().Truncate(time.Second)
	select { // dates are given by the second, and mean all of it
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(d.asOf.Add(time.Second))):
	}
	d.say("the moment to go back to: %s", d.asOf.UTC().Format(time.RFC3339))
	return nil
}

// destroy breaks the application, backs up what is broken, and deletes everything.
func (d *demo) destroy(ctx context.Context) error {
	if err := d.setPage(ctx, pageBroken); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"delete", "-n", d.shop.web, "secret", "payment"},
		{"scale", "-n", d.shop.web, "deployment", "web", "--replicas=1"},
		{"create", "-n", d.shop.db, "configmap", "leftover"},
	} {
		if _, err := d.kubectl(ctx, d.source, args...); err != nil {
			return err
		}
	}
	if err := d.create(ctx, "too-late", d.shop.glob); err != nil {
		return err
	}
	if d.guest == nil {
		d.startStandby(ctx)
	}
	if _, err := d.kubectl(ctx, d.source, append([]string{"delete", "--timeout=120s", "namespace"}, d.shop.scope().Namespaces...)...); err != nil {
		return err
	}
	if _, err := d.kubectl(ctx, d.source, "delete", "--timeout=60s", "crd", d.shop.crd()); err != nil {
		return err
	}
	left, err := compare.Take(ctx, d.source.Kubeconfig, d.shop.scope())
	if err != nil {
		return err
	}
	if len(left.Objects) > 0 {
		return fmt.Errorf("still there after the deletion: %v", left.Keys())
	}
	d.say("nothing of the application is left")
	return nil
}

// find searches by date, and verifies what the restore will read.
func (d *demo) find(ctx context.Context) error {
	day := []string{"--on", "today"}
	if d.began.Day() != time.Now().Day() { // midnight has passed meanwhile
		day = []string{"--from", "yesterday"}
	}
	if _, err := d.salvor(ctx, append([]string{"backups", "-n", d.shop.web}, day...)...); err != nil {
		return err
	}
	if err := d.expect(ctx, []string{"too-late", "release", "nightly"}, append([]string{"-n", d.shop.web}, day...)...); err != nil {
		return err
	}
	if err := d.expect(ctx, []string{"release", "nightly"}, "-n", d.shop.web, "--to", d.asOf.UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	if err := d.expect(ctx, []string{"nightly"}, append([]string{"-n", d.shop.db, "--name", "night*"}, day...)...); err != nil {
		return err
	}
	d.prove("backups are found by day, by time, by the namespace they contain and by name, newest first")
	for _, name := range []string{"nightly", "release"} {
		if _, err := d.salvor(ctx, "verify", name); err != nil {
			return err
		}
	}
	return nil
}

// expect searches as a program would, and checks the names.
func (d *demo) expect(ctx context.Context, want []string, args ...string) error {
	out, err := d.salvorQuietly(ctx, append([]string{"backups", "-o", "json"}, args...)...)
	if err != nil {
		return err
	}
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return fmt.Errorf("reading what salvor printed: %w\n%s", err, out)
	}
	var names []string
	for _, i := range list.Items {
		names = append(names, i.Metadata.Name)
	}
	if !slices.Equal(names, want) {
		return fmt.Errorf("salvor backups %v found %v instead of %v", args, names, want)
	}
	return nil
}
