// Package aws_test deploys template.yaml on the local host and uses it as its users do.
package aws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/cloud"
	"salvor.io/salvor/tests/testenv"
)

var (
	namespaceKind = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	configMapKind = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}
	podKind       = cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
)

// giveRights applies infra/kubernetes/rbac.yaml, once in this process: all tests share the cluster.
var giveRights sync.Once

// world is a deployed stack, and a cluster that it may back up and restore.
type world struct {
	*cloud.Cloud
	t    *testing.T
	kube *kube.Client
	k    testenv.EKSServer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldWith(t, nil)
}

// worldWith deploys with parameters other than the defaults.
func worldWith(t *testing.T, parameters map[string]string) *world {
	t.Helper()
	w := newStack(t, parameters)
	w.Clusters.Entries(map[string]string{"BackupFunction": "salvor-backup", "SettleFunction": "salvor-settle", "ExpireFunction": "salvor-settle", "RestoreFunction": "salvor-restore", "WatchdogFunction": "salvor-watchdog"})
	w.create("clusters", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"prod"},"spec":{"eks":{"arn":%q}}}`, w.k.AWS.ClusterARN))
	w.create("locations", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupLocation","metadata":{"name":"bucket"},"spec":{"s3":{"bucket":%q,"region":%q}}}`, w.Bucket, cloud.Region))
	return w
}

// newStack deploys, and knows of no cluster yet; the cluster has Salvor's roles of RBAC, and lets nobody in. All tests share
// it, and may run at once: each has a stack and namespaces of its own.
func newStack(t *testing.T, parameters map[string]string) *world {
	t.Helper()
	k := testenv.EKSWithNode(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(k.Logs(t))
		}
	})
	w := &world{Cloud: cloud.Start(t, cloud.Options{Cluster: &k, Parameters: parameters}), t: t, k: k}
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: k.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	if w.kube, err = kube.New(config); err != nil {
		t.Fatal(err)
	}
	giveRights.Do(func() {
		root, err := testenv.Root()
		if err != nil {
			t.Fatal(err)
		}
		k.Kubectl(t, "apply", "-f", root+"/infra/kubernetes/rbac.yaml")
	})
	return w
}

// create makes an object through the API.
func (w *world) create(path, body string) {
	w.t.Helper()
	if a := w.API.Call("POST", "/v1/"+path, body); a.Status != 201 {
		w.t.Fatalf("POST /v1/%s answers %d: %s", path, a.Status, a.Body)
	}
}

// namespace makes a namespace with a ConfigMap in it.
func (w *world) namespace() string {
	w.t.Helper()
	name := "t-" + testenv.Unique()
	w.put(namespaceKind, "", name, "")
	w.put(configMapKind, name, "settings", `,"data":{"v":"before"}`)
	w.t.Cleanup(func() { _ = w.kube.Delete(context.Background(), namespaceKind, "", name, kube.DeleteOptions{}) })
	return name
}

func (w *world) put(res cluster.Resource, ns, name, more string) {
	w.t.Helper()
	body := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, res.APIVersion(), res.Kind, name, more)
	if _, err := w.kube.Create(w.t.Context(), res, ns, []byte(body)); err != nil {
		w.t.Fatal(err)
	}
}

// drop deletes a namespace and waits until it is gone.
func (w *world) drop(ns string) {
	w.t.Helper()
	if err := w.kube.Delete(w.t.Context(), namespaceKind, "", ns, kube.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.Eventually("namespace "+ns+" is gone", func() bool {
		_, err := w.kube.Get(w.t.Context(), namespaceKind, "", ns)
		return err != nil
	})
}

// found searches through the API and returns the names.
func (w *world) found(query string) []string {
	w.t.Helper()
	a := w.API.Call("GET", "/v1/backups?"+query, "")
	if a.Status != 200 {
		w.t.Fatalf("GET /v1/backups?%s answers %d: %s", query, a.Status, a.Body)
	}
	var page struct{ Items []salvor.Backup }
	if err := json.Unmarshal(a.Body, &page); err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, b := range page.Items {
		names = append(names, b.Name)
	}
	return names
}

// The straight way: a schedule fires and a backup appears; a search by date over HTTP finds it; a restore invoked as from
// the console brings it back.
func TestAScheduleFiresAndARestoreBringsItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create("schedulepolicies", `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"nightly"},"spec":{"daily":{"times":["02:00"]}}}`)
	w.create("schedules", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":"nightly"},"spec":{"policy":"nightly",
		"template":{"labels":{"app":"shop"},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":[%q]}}}}}`, ns))
	w.Scheduler.Fire(t.Context(), "nightly_1", due)
	if got := w.found("on=today&namespace=" + ns); len(got) != 1 || got[0] != "nightly-20261122t020000z" {
		t.Fatalf("the search finds %v", got)
	}
	w.drop(ns)
	r := w.Invoke("RestoreFunction", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r1"},
		"spec":{"sourceCluster":"prod","asOf":%q,"namespaces":[%q],"targetCluster":"prod"}}`, time.Now().UTC().Format(time.RFC3339), ns))
	if r.Err() != nil || !strings.Contains(string(r.Payload), `"phase":"Completed"`) {
		t.Fatalf("the restore answers %v %s", r.Err(), r.Payload)
	}
	if _, err := w.kube.Get(t.Context(), configMapKind, ns, "settings"); err != nil {
		t.Errorf("what was lost is not back: %v", err)
	}
}
