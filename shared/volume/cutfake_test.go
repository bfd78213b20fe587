package volume_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

type object = map[string]any

// cutCluster keeps objects, and answers a new VolumeSnapshot as a controller would that play stands for. What the real
// controllers do is tested in tests/volumes; here it is what is made of their answers.
type cutCluster struct {
	mu      sync.Mutex
	objects map[string]object // by resource/namespace/name
	// play, if set, is called at each list of VolumeSnapshots, for each, with how often it was.
	play func(c *cutCluster, snapshot object, looks int)
	// fault, if set, may fail a request: verb and resource/namespace/name.
	fault   func(verb, key string) error
	looks   int
	deny    string // verb resource that an access review denies
	deleted []string
}

func newCutCluster(objects ...object) *cutCluster {
	c := &cutCluster{objects: map[string]object{}, play: cutAtOnce}
	for _, o := range objects {
		c.put(plural[o["kind"].(string)], o)
	}
	return c
}

var plural = map[string]string{"PersistentVolume": "persistentvolumes", "StorageClass": "storageclasses", "VolumeSnapshotClass": "volumesnapshotclasses",
	"PersistentVolumeClaim": "persistentvolumeclaims",
	"VolumeSnapshot":        "volumesnapshots", "VolumeSnapshotContent": "volumesnapshotcontents"}

func keyOf(resource, namespace, name string) string { return resource + "/" + namespace + "/" + name }

func meta(o object) (namespace, name string) {
	m := o["metadata"].(object)
	namespace, _ = m["namespace"].(string)
	return namespace, m["name"].(string)
}

func (c *cutCluster) put(resource string, o object) {
	namespace, name := meta(o)
	c.objects[keyOf(resource, namespace, name)] = o
}

// cutAtOnce binds a snapshot to a content that is cut and ready.
func cutAtOnce(c *cutCluster, s object, _ int) { bind(c, s, true) }

func bind(c *cutCluster, s object, ready bool) {
	_, name := meta(s)
	content := "content-of-" + name
	if _, bound := s["status"]; !bound {
		c.put("volumesnapshotcontents", object{"metadata": object{"name": content}, "spec": object{"deletionPolicy": "Delete"},
			"status": object{"snapshotHandle": "snap-" + name, "creationTime": int64(1_700_000_000_123_456_000), "readyToUse": ready, "restoreSize": 1 << 30}})
	}
	s["status"] = object{"boundVolumeSnapshotContentName": content, "creationTime": "2023-11-14T22:13:20Z", "readyToUse": ready}
}

func (c *cutCluster) fail(verb, key string) error {
	if c.fault == nil {
		return nil
	}
	return c.fault(verb, key)
}

func notFound(r cluster.Resource, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Group: r.Group, Resource: r.Name}, name)
}

func (c *cutCluster) Discover(context.Context) (cluster.Discovery, error) {
	return cluster.Discovery{}, nil
}

func (c *cutCluster) List(_ context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fail("list", keyOf(r.Resource.Name, r.Namespace, "")); err != nil {
		return cluster.ListResult{}, err
	}
	selector, err := labels.Parse(r.LabelSelector)
	if err != nil {
		return cluster.ListResult{}, err
	}
	if r.Resource.Name == "volumesnapshots" {
		c.looks++
	}
	for _, key := range slices.Sorted(maps.Keys(c.objects)) {
		if !strings.HasPrefix(key, keyOf(r.Resource.Name, r.Namespace, "")) && (r.Namespace != "" || !strings.HasPrefix(key, r.Resource.Name+"/")) {
			continue
		}
		o := c.objects[key]
		if !selector.Matches(labels.Set(labelsOf(o))) {
			continue
		}
		if r.Resource.Name == "volumesnapshots" {
			c.play(c, o, c.looks)
		}
		raw, err := json.Marshal(o)
		if err != nil {
			return cluster.ListResult{}, err
		}
		namespace, name := meta(o)
		if err := each(cluster.Item{Namespace: namespace, Name: name, Raw: raw}); err != nil {
			return cluster.ListResult{}, err
		}
	}
	return cluster.ListResult{}, nil
}

func labelsOf(o object) map[string]string {
	set := map[string]string{}
	given, _ := o["metadata"].(object)["labels"].(object)
	for k, v := range given {
		set[k] = fmt.Sprint(v)
	}
	return set
}

func (c *cutCluster) Get(_ context.Context, r cluster.Resource, namespace, name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.objects[keyOf(r.Name, namespace, name)]
	if !ok {
		return nil, notFound(r, name)
	}
	return json.Marshal(o)
}

func (c *cutCluster) Create(_ context.Context, r cluster.Resource, namespace string, body []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := object{}
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, err
	}
	if r.Name == "selfsubjectaccessreviews" {
		a := o["spec"].(object)["resourceAttributes"].(object)
		return json.Marshal(object{"status": object{"allowed": fmt.Sprint(a["verb"], " ", a["resource"]) != c.deny}})
	}
	_, name := meta(o)
	key := keyOf(r.Name, namespace, name)
	if err := c.fail("create", key); err != nil {
		return nil, err
	}
	if _, there := c.objects[key]; there {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{Resource: r.Name}, name)
	}
	o["metadata"].(object)["uid"] = "uid-" + name
	c.objects[key] = o
	return json.Marshal(o)
}

func (c *cutCluster) Patch(_ context.Context, r cluster.Resource, namespace, name string, _ types.PatchType, body []byte, _ ...string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(r.Name, namespace, name)
	if err := c.fail("patch", key); err != nil {
		return nil, err
	}
	o, ok := c.objects[key]
	if !ok {
		return nil, notFound(r, name)
	}
	change := object{}
	if err := json.Unmarshal(body, &change); err != nil {
		return nil, err
	}
	for part, fields := range change {
		if o[part] == nil {
			o[part] = object{}
		}
		maps.Copy(o[part].(object), fields.(object))
	}
	return json.Marshal(o)
}

func (c *cutCluster) Delete(_ context.Context, r cluster.Resource, namespace, name string, _ cluster.DeleteOptions) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(r.Name, namespace, name)
	if _, ok := c.objects[key]; !ok {
		return notFound(r, name)
	}
	delete(c.objects, key)
	c.deleted = append(c.deleted, key)
	return nil
}

// policyOf is the deletionPolicy of a content, "" if it is gone.
func (c *cutCluster) policyOf(content string) string {
	o, ok := c.objects[keyOf("volumesnapshotcontents", "", content)]
	if !ok {
		return ""
	}
	return o["spec"].(object)["deletionPolicy"].(string)
}

func engineOn(c volume.Cluster) *volume.Engine {
	return &volume.Engine{Cluster: c, Now: time.Now, CatalogID: "cat", Tuning: volume.Tuning{Pause: time.Millisecond, MostPause: 2 * time.Millisecond, CutTime: 10 * time.Second}}
}

var theBackup = salvor.BackupID{ClusterID: "prod", Name: "nightly"}

// planned are volumes as Plan leaves them.
func planned(names ...string) []archive.Volume {
	var all []archive.Volume
	for _, name := range names {
		all = append(all, archive.Volume{Namespace: "shop", Claim: name, ClaimUID: "uid-" + name, Driver: "ebs.csi.aws.com", Method: archive.MethodSnapshot,
			Snapshot: &archive.Snapshot{Driver: "ebs.csi.aws.com", Class: "ebs"}})
	}
	return all
}

// cut cuts and returns the volumes by claim.
func cut(t *testing.T, c *cutCluster, q volume.CutRequest) map[string]archive.Volume {
	t.Helper()
	q.Backup, q.Epoch = theBackup, max(q.Epoch, 1)
	done, _, err := engineOn(c).Cut(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	byClaim := map[string]archive.Volume{}
	for _, v := range done {
		byClaim[v.Claim] = v
	}
	return byClaim
}

// reverting is a cluster in which something sets contents back to Delete.
type reverting struct{ *cutCluster }

func (r reverting) Patch(ctx context.Context, k cluster.Resource, namespace, name string, kind types.PatchType, body []byte, sub ...string) ([]byte, error) {
	raw, err := r.cutCluster.Patch(ctx, k, namespace, name, kind, body, sub...)
	if err == nil {
		_, err = r.cutCluster.Patch(ctx, k, namespace, name, kind, []byte(`{"spec":{"deletionPolicy":"Delete"}}`))
	}
	return raw, err
}
