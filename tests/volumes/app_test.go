package volumes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/tests/testenv"
)

// The kinds that tests write or count.
var (
	namespaceKind     = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	claimKind         = cluster.Resource{Version: "v1", Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}
	volumeKind        = cluster.Resource{Version: "v1", Name: "persistentvolumes", Kind: "PersistentVolume"}
	deploymentKind    = cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}
	statefulSetKind   = cluster.Resource{Group: "apps", Version: "v1", Name: "statefulsets", Kind: "StatefulSet", Namespaced: true}
	snapshotKind      = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshots", Kind: "VolumeSnapshot", Namespaced: true}
	contentKind       = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshotcontents", Kind: "VolumeSnapshotContent"}
	snapshotClassKind = cluster.Resource{Group: "snapshot.storage.k8s.io", Version: "v1", Name: "volumesnapshotclasses", Kind: "VolumeSnapshotClass"}
	groupKind         = cluster.Resource{Group: "groupsnapshot.storage.k8s.io", Version: "v1", Name: "volumegroupsnapshots", Kind: "VolumeGroupSnapshot", Namespaced: true}
	groupClassKind    = cluster.Resource{Group: "groupsnapshot.storage.k8s.io", Version: "v1", Name: "volumegroupsnapshotclasses", Kind: "VolumeGroupSnapshotClass"}
	groupContentKind  = cluster.Resource{Group: "groupsnapshot.storage.k8s.io", Version: "v1", Name: "volumegroupsnapshotcontents", Kind: "VolumeGroupSnapshotContent"}
)

// rules bring an application to rest between two numbers, and let it go on.
const rules = `apiVersion: salvor.io/v1
kind: Rule
metadata: {name: hold}
spec: {subRules: [{onNoPods: Fail, podSelectors: [{matchLabels: {app: db}}], actions: [{shell: 'rm -f /tmp/held; : >/tmp/hold; until [ -e /tmp/held ]; do sleep 0.02; done'}]}]}
---
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: go-on}
spec: {subRules: [{podSelectors: [{matchLabels: {app: db}}], actions: [{shell: rm -f /tmp/hold}]}]}
`

// writer appends one number after the other to a log on each volume in turn. What it finds on a volume when it begins is
// set aside first, so that a restored application shows what it was restored from.
const writer = `for v in /data/*; do [ ! -e $v/log ] || cp $v/log $v/found; done
n=$(tail -qn1 /data/*/log 2>/dev/null | tail -n1)
while :; do
  while [ -e /tmp/hold ]; do : >/tmp/held; sleep 0.02; done
  n=$((n + 1))
  for v in /data/*; do echo $n >>$v/log; done
  sleep 0.1
done`

// application is a StatefulSet of one pod with some volumes in a namespace of its own.
type application struct {
	*world
	namespace string
	volumes   []string
	// groupClass is the VolumeGroupSnapshotClass that its workers see; empty: all.
	groupClass string
}

// volumeOf is a volume of an application.
type volumeOf struct {
	name string
	// class is the VolumeSnapshotClass that its claim asks for; empty: it doesn't.
	class string
}

// annotation by which a claim chooses the class of its snapshots.
const classAnnotation = "salvor.io/volume-snapshot-class"

// application starts one and waits until it writes.
func (w *world) application(t *testing.T, volumes ...volumeOf) *application {
	t.Helper()
	a := &application{world: w, namespace: "t-" + testenv.Unique()}
	w.create(t, namespaceKind, "", fmt.Sprintf("metadata: {name: %s}", a.namespace))
	var mounts, templates []string
	for _, v := range volumes {
		a.volumes = append(a.volumes, v.name)
		mounts = append(mounts, fmt.Sprintf("{name: %s, mountPath: /data/%[1]s}", v.name))
		annotations := ""
		if v.class != "" {
			annotations = fmt.Sprintf(", annotations: {%s: %s}", classAnnotation, v.class)
		}
		templates = append(templates, fmt.Sprintf("{metadata: {name: %s%s}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}", v.name, annotations))
	}
	w.create(t, statefulSetKind, a.namespace, fmt.Sprintf(`
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      automountServiceAccountToken: false
      containers: [{name: main, image: "localhost/salvor/busybox:1", imagePullPolicy: IfNotPresent, command: [sh, -c, %q], volumeMounts: [%s]}]
  volumeClaimTemplates: [%s]
`, writer, strings.Join(mounts, ", "), strings.Join(templates, ", ")))
	t.Cleanup(func() {
		if !t.Failed() {
			_, _ = w.TryKubectl(t.Context(), "delete", "namespace", a.namespace, "--wait=false")
		}
	})
	a.writes(t)
	return a
}

// create makes an object of fields in YAML. A new namespace lacks its service account for a moment.
func (w *world) create(t *testing.T, r cluster.Resource, namespace, fields string) {
	t.Helper()
	body, err := yaml.YAMLToJSON(fmt.Appendf(nil, "apiVersion: %s\nkind: %s\n%s", r.APIVersion(), r.Kind, fields))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "creating "+r.String(), func() bool {
		_, err = w.client.Create(t.Context(), r, namespace, body)
		if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "serviceaccount") {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
}

// snapshotClass makes a VolumeSnapshotClass of the test driver with these parameters, and returns its name.
func (w *world) snapshotClass(t *testing.T, parameters map[string]string) string {
	t.Helper()
	return w.classOf(t, snapshotClassKind, parameters)
}

func (w *world) classOf(t *testing.T, kind cluster.Resource, parameters map[string]string) string {
	t.Helper()
	name := "c-" + testenv.Unique()
	text, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, kind, "", fmt.Sprintf("metadata: {name: %s}\ndriver: ebs.csi.aws.com\ndeletionPolicy: Delete\nparameters: %s", name, text))
	return name
}

// writes waits until the application has written something more.
func (a *application) writes(t *testing.T) {
	t.Helper()
	before := -1
	eventually(t, 2*time.Minute, "the application writes", func() bool {
		n, err := a.written()
		if err != nil {
			return false
		}
		if before < 0 {
			before = n
		}
		return n > before
	})
}

// written is how many lines the last of its logs has.
func (a *application) written() (int, error) {
	dir, err := a.volumeDir(a.namespace, a.volumes[len(a.volumes)-1])
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "log"))
	return bytes.Count(data, []byte("\n")), err
}

// claimOf is the claim of a volume.
func claimOf(volume string) string { return volume + "-db-0" }

// volumeDir is where the content of the volume is on this machine.
func (a *application) volumeDir(namespace, volume string) (string, error) {
	handle, err := a.volumeHandle(namespace, claimOf(volume))
	return a.VolumeDir(handle), err
}

// volumeHandle is the driver's name for the volume of a claim.
func (w *world) volumeHandle(namespace, claim string) (string, error) {
	var pvc struct {
		Spec struct{ VolumeName string }
	}
	if err := w.get(claimKind, namespace, claim, &pvc); err != nil {
		return "", err
	}
	if pvc.Spec.VolumeName == "" {
		return "", fmt.Errorf("claim %s/%s is not bound", namespace, claim)
	}
	var pv struct {
		Spec struct{ CSI struct{ VolumeHandle string } }
	}
	err := w.get(volumeKind, "", pvc.Spec.VolumeName, &pv)
	return pv.Spec.CSI.VolumeHandle, err
}

// found is what the application found on a volume when it began in the namespace.
func (a *application) found(t *testing.T, namespace, volume string) (text string) {
	t.Helper()
	eventually(t, 2*time.Minute, "the application in "+namespace+" looks at volume "+volume, func() bool {
		dir, err := a.volumeDir(namespace, volume)
		if err != nil {
			return false
		}
		data, err := os.ReadFile(filepath.Join(dir, "found"))
		text = string(data)
		return err == nil && len(data) > 0
	})
	return text
}
