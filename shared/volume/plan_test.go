package volume_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

const ebs = "ebs.csi.aws.com"

func pv(name string, source object) object {
	return object{"kind": "PersistentVolume", "metadata": object{"name": name}, "spec": source}
}

func csi(driver string) object {
	return object{"csi": object{"driver": driver, "volumeHandle": "vol-1"}, "nodeAffinity": object{"required": object{"nodeSelectorTerms": []any{
		object{"matchExpressions": []any{object{"key": "topology.kubernetes.io/zone", "operator": "In", "values": []string{"us-east-1a", "us-east-1b"}}}}}}}}
}

func class(name, driver string, more ...object) object {
	o := object{"kind": "VolumeSnapshotClass", "metadata": object{"name": name}, "driver": driver, "deletionPolicy": "Delete"}
	for _, m := range more {
		o["metadata"].(object)["annotations"], o["metadata"].(object)["labels"] = m["annotations"], m["labels"]
		if m["parameters"] != nil {
			o["parameters"] = m["parameters"]
		}
	}
	return o
}

// claim is one of 10Gi in namespace shop, bound to the volume of its name.
func claim(t *testing.T, name string, change ...string) volume.Claim {
	t.Helper()
	text := `{"metadata":{"namespace":"shop","name":"NAME","uid":"uid-NAME","labels":{"app":"db"},"annotations":{"tier":"gold"}},
		"spec":{"storageClassName":"gp3","volumeName":"NAME","volumeMode":"Filesystem","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"8Gi"}}},
		"status":{"phase":"Bound","capacity":{"storage":"10Gi"}}}`
	for i := 0; i+1 < len(change); i += 2 {
		text = strings.ReplaceAll(text, change[i], change[i+1])
	}
	c, err := volume.ClaimOf([]byte(strings.ReplaceAll(text, "NAME", name)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func plan(t *testing.T, c volume.Cluster, spec *salvor.BackupVolumes, claims ...volume.Claim) []archive.Volume {
	t.Helper()
	volumes, err := engineOn(c).Plan(t.Context(), claims, spec)
	if err != nil {
		t.Fatal(err)
	}
	return volumes
}

func TestPlanTellsAllOfAVolume(t *testing.T) {
	c := newCutCluster(pv("data", csi(ebs)), class("ebs", ebs, object{"parameters": object{"type": "x", "csi.storage.k8s.io/snapshotter-secret-name": "keys"}}))
	want := []archive.Volume{{Namespace: "shop", Claim: "data", ClaimUID: "uid-data", PersistentVolume: "data", StorageClass: "gp3", Driver: ebs, VolumeHandle: "vol-1",
		Capacity: 10 << 30, VolumeMode: "Filesystem", AccessModes: []string{"ReadWriteOnce"}, Method: archive.MethodSnapshot,
		Topology: []map[string]string{{"topology.kubernetes.io/zone": "us-east-1a"}, {"topology.kubernetes.io/zone": "us-east-1b"}},
		Snapshot: &archive.Snapshot{Driver: ebs, Class: "ebs", ClassParameters: map[string]string{"type": "x", "csi.storage.k8s.io/snapshotter-secret-name": "keys"}}}}
	if d := cmp.Diff(want, plan(t, c, nil, claim(t, "data"))); d != "" {
		t.Error(d)
	}
}

func TestTheStorageClassOfAClaim(t *testing.T) {
	c := newCutCluster(pv("data", csi(ebs)), class("ebs", ebs))
	old := claim(t, "data", `"storageClassName":"gp3",`, "", `"tier":"gold"`, `"volume.beta.kubernetes.io/storage-class":"gp2"`)
	for want, of := range map[string]volume.Claim{"gp3": claim(t, "data"), "gp2": old} {
		if v := plan(t, c, nil, of)[0]; v.StorageClass != want {
			t.Errorf("got %q, want %q", v.StorageClass, want)
		}
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	tests := map[string]struct {
		objects []object
		claim   []string // changes of it
		deny    string
		spec    *salvor.BackupVolumes
		want    string
	}{
		"not bound":                {claim: []string{`"volumeName":"NAME",`, "", `"Bound"`, `"Pending"`}, want: "not bound"},
		"lost":                     {claim: []string{`"Bound"`, `"Lost"`}, want: "has lost its volume"},
		"being deleted":            {objects: []object{pv("data", csi(ebs)), class("ebs", ebs)}, claim: []string{`"uid":`, `"deletionTimestamp":"2026-11-27T10:00:00Z","uid":`}, want: "is being deleted"},
		"its volume is gone":       {want: `PersistentVolume "data" does not exist`},
		"in-tree EBS":              {objects: []object{pv("data", object{"awsElasticBlockStore": object{"volumeID": "vol-1"}})}, want: "in-tree EBS volume"},
		"NFS":                      {objects: []object{pv("data", object{"nfs": object{"server": "x"}})}, want: "kubernetes.io/nfs"},
		"another sort":             {objects: []object{pv("data", object{"quobyte": object{}})}, want: "no CSI volume"},
		"EFS":                      {objects: []object{pv("data", csi("efs.csi.aws.com")), class("ebs", ebs)}, want: "Amazon EFS has no snapshots"},
		"no class":                 {objects: []object{pv("data", csi(ebs)), class("other", "other.example.org")}, want: "no VolumeSnapshotClass of driver ebs.csi.aws.com"},
		"two classes":              {objects: []object{pv("data", csi(ebs)), class("a", ebs), class("b", ebs)}, want: "VolumeSnapshotClasses a, b, none of which is its default"},
		"two defaults":             {objects: []object{pv("data", csi(ebs)), class("a", ebs, byDefault), class("b", ebs, byDefault)}, want: "a, b, are all marked"},
		"the map's is not there":   {objects: []object{pv("data", csi(ebs)), class("a", ebs)}, spec: &salvor.BackupVolumes{SnapshotClasses: map[string]string{ebs: "z"}}, want: `"z", which does not exist`},
		"the claim's is another's": {objects: []object{pv("data", csi(ebs)), class("a", ebs), class("b", "b.example.org")}, claim: []string{`"tier":"gold"`, `"salvor.io/volume-snapshot-class":"b"`}, want: "is of driver b.example.org"},
		"no right":                 {objects: []object{pv("data", csi(ebs)), class("a", ebs)}, deny: "patch volumesnapshotcontents", want: "forbidden to patch volumesnapshotcontents"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster(tt.objects...)
			c.deny = tt.deny
			v := plan(t, c, tt.spec, claim(t, "data", tt.claim...))[0]
			if v.State != archive.VolumeFailed || !strings.Contains(v.Reason, tt.want) || v.Snapshot != nil {
				t.Errorf("got %+v", v)
			}
		})
	}
}

var byDefault = object{"annotations": object{"snapshot.storage.kubernetes.io/is-default-class": "true"}}

func TestWithoutSnapshotKinds(t *testing.T) {
	c := newCutCluster(pv("data", csi(ebs)))
	c.fault = func(_, key string) error {
		if strings.HasPrefix(key, "volumesnapshotclasses/") {
			return notFound(resourceOf("volumesnapshotclasses"), "")
		}
		return nil
	}
	if v := plan(t, c, nil, claim(t, "data"))[0]; v.State != archive.VolumeFailed || !strings.Contains(v.Reason, "CustomResourceDefinitions") {
		t.Errorf("got %+v", v)
	}
	if err := engineOn(c).Discard(t.Context(), theBackup, 1, nil); err != nil {
		t.Errorf("discarding: %v", err)
	}
}

// What may not be read stands in the way, but for what a policy skips.
func TestPlanWithoutTheRightToRead(t *testing.T) {
	for _, kind := range []string{"volumesnapshotclasses", "persistentvolumes"} {
		c := newCutCluster(pv("data", csi(ebs)), class("ebs", ebs))
		c.fault = func(_, key string) error {
			if strings.HasPrefix(key, kind+"/") {
				return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", errors.New("no right"))
			}
			return nil
		}
		spec := &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cache"}}, Action: salvor.VolumeSkip}}}
		volumes := plan(t, c, spec, claim(t, "cache", `"app":"db"`, `"app":"cache"`), claim(t, "data"))
		if volumes[0].State != archive.VolumeSkipped || volumes[1].State != archive.VolumeFailed || !strings.Contains(volumes[1].Reason, "no right") {
			t.Errorf("%s: %+v", kind, volumes)
		}
	}
}

func resourceOf(name string) cluster.Resource {
	return cluster.Resource{Group: "snapshot.storage.k8s.io", Name: name}
}

// The class is that of the map, of the claim, labelled for Salvor, the default, the only one: in this order.
func TestTheClassThatIsChosen(t *testing.T) {
	labelled := object{"labels": object{"salvor.io/volume-snapshot-class": "true"}}
	all := []object{pv("data", csi(ebs)), class("default", ebs, byDefault), class("labelled", ebs, labelled), class("of-claim", ebs), class("of-map", ebs), class("x", "other.example.org")}
	annotated := []string{`"tier":"gold"`, `"salvor.io/volume-snapshot-class":"of-claim"`}
	byMap := &salvor.BackupVolumes{SnapshotClasses: map[string]string{ebs: "of-map"}}
	for _, tt := range []struct {
		want    string
		objects []object
		spec    *salvor.BackupVolumes
		claim   []string
	}{
		{"of-map", all, byMap, annotated}, {"of-claim", all, nil, annotated}, {"labelled", all, nil, nil},
		{"default", append(all[:2:2], all[3:]...), nil, nil}, {"of-map", append(all[:1:1], all[4:]...), nil, nil},
	} {
		v := plan(t, newCutCluster(tt.objects...), tt.spec, claim(t, "data", tt.claim...))[0]
		if v.State != "" || v.Snapshot == nil || v.Snapshot.Class != tt.want {
			t.Errorf("want %s, got %+v, %+v", tt.want, v, v.Snapshot)
		}
	}
}

func TestPolicies(t *testing.T) {
	skip := func(p salvor.VolumePolicy) salvor.VolumePolicy { p.Action = salvor.VolumeSkip; return p }
	size := func(s string) *resource.Quantity { q := resource.MustParse(s); return &q }
	tests := map[string]struct {
		policies []salvor.VolumePolicy
		skipped  bool
	}{
		"none":                  {nil, false},
		"all":                   {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{})}, true},
		"storage class":         {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{StorageClasses: []string{"gp*"}})}, true},
		"another storage class": {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{StorageClasses: []string{"io2"}})}, false},
		"driver":                {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{Drivers: []string{"efs.*", "ebs.*"}})}, true},
		"another driver":        {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{Drivers: []string{"efs.*"}})}, false},
		"as large":              {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{MinSize: size("10Gi"), MaxSize: size("10Gi")})}, true},
		"too small":             {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{MinSize: size("11Gi")})}, false},
		"too large":             {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{MaxSize: size("9Gi")})}, false},
		"label":                 {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}})}, true},
		"another label":         {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}})}, false},
		"annotation":            {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{Annotations: map[string]string{"tier": "gold"}})}, true},
		"another annotation":    {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{Annotations: map[string]string{"tier": "tin"}})}, false},
		"all must hold":         {[]salvor.VolumePolicy{skip(salvor.VolumePolicy{Drivers: []string{ebs}, StorageClasses: []string{"io2"}})}, false},
		"the first that holds":  {[]salvor.VolumePolicy{{Drivers: []string{ebs}, Action: salvor.VolumeSnapshot}, skip(salvor.VolumePolicy{})}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCutCluster(pv("data", csi(ebs)), class("ebs", ebs))
			v := plan(t, c, &salvor.BackupVolumes{Policies: tt.policies}, claim(t, "data"))[0]
			if (v.State == archive.VolumeSkipped) != tt.skipped || tt.skipped == (v.Snapshot != nil) {
				t.Errorf("got %+v", v)
			}
		})
	}
}

// A policy may skip what can't be snapshotted, also by the driver of a volume that is not there yet; its reason is shown.
func TestAPolicySkipsWhatCantBeSnapshotted(t *testing.T) {
	c := newCutCluster(pv("nfs", object{"nfs": object{}}), object{"kind": "StorageClass", "metadata": object{"name": "gp3"}, "provisioner": ebs})
	spec := &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{Drivers: []string{"kubernetes.io/nfs"}, Action: salvor.VolumeSkip, Reason: "NFS has its own"}, {Drivers: []string{ebs}, Action: salvor.VolumeSkip}}}
	volumes := plan(t, c, spec, claim(t, "unbound", `"volumeName":"NAME",`, "", `"Bound"`, `"Pending"`), claim(t, "nfs"))
	if v := volumes[0]; v.Claim != "nfs" || v.State != archive.VolumeSkipped || v.Reason != "NFS has its own" {
		t.Errorf("got %+v", v)
	}
	if v := volumes[1]; v.State != archive.VolumeSkipped || !strings.Contains(v.Reason, "policies[1]") || v.Capacity != 8<<30 && v.Capacity != 10<<30 {
		t.Errorf("got %+v", v)
	}
}

func TestPlanRefusesAMistake(t *testing.T) {
	spec := &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{Drivers: []string{"[a"}, Action: salvor.VolumeSkip}}}
	if _, err := engineOn(newCutCluster()).Plan(t.Context(), []volume.Claim{claim(t, "a")}, spec); !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), "spec.volumes.policies[0].drivers") {
		t.Errorf("got %v", err)
	}
}

// Whatever a claim holds, it is read or refused.
func FuzzClaim(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a"},"status":{"capacity":{"storage":"1Gi"}}}`))
	f.Add([]byte(`{"spec":{"resources":{"requests":{"storage":1}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := volume.ClaimOf(raw)
		if err == nil && !json.Valid(raw) {
			t.Errorf("%q is no JSON and was read as %+v", raw, c)
		}
		if err == nil {
			volume.Unkept(&c, "x")
		}
	})
}
