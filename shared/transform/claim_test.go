package transform_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/transform"
)

func TestAClaimWithData(t *testing.T) {
	source := transform.DataSource{Snapshot: "salvor-restore-1", StorageClass: "gp3", Bytes: 2 << 30}
	const made = `"dataSource":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"salvor-restore-1"}`
	for name, c := range map[string]struct{ in, out string }{
		"its volume, selector and sources give way": {
			`{"metadata":{"annotations":{"volume.beta.kubernetes.io/storage-class":"old","a":"b"}},"spec":{"volumeName":"pv","selector":{"matchLabels":{"a":"b"}},"dataSourceRef":{"kind":"VolumeSnapshot","name":"x"},"storageClassName":"gp2","resources":{"requests":{"storage":"2Gi"}}}}`,
			`{"metadata":{"annotations":{"a":"b"}},"spec":{"storageClassName":"gp3","resources":{"requests":{"storage":"2Gi"}},` + made + `}}`},
		"one that asks for less than the snapshot holds gets more": {
			`{"metadata":{},"spec":{"storageClassName":"gp3","resources":{"requests":{"storage":"1536Mi"},"limits":{"storage":"1Gi"}}}}`,
			`{"metadata":{},"spec":{"storageClassName":"gp3","resources":{"requests":{"storage":"2Gi"},"limits":{"storage":"2Gi"}},` + made + `}}`},
		"one that asks for more keeps its words": {
			`{"metadata":{},"spec":{"resources":{"requests":{"storage":"3e9"}}}}`,
			`{"metadata":{},"spec":{"resources":{"requests":{"storage":"3e9"}},` + made + `,"storageClassName":"gp3"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := transform.WithData([]byte(c.in), source)
			if diff := cmp.Diff(c.out, string(got)); diff != "" {
				t.Error(diff)
			}
			if transform.SourceOf(got) != source.Snapshot {
				t.Errorf("its source is %q", transform.SourceOf(got))
			}
		})
	}
}

func TestStorageClassesFollowTheMapping(t *testing.T) {
	options := transform.Options{StorageClasses: map[string]string{"gp2": "gp3"}}
	for kind, c := range map[string]struct{ in, out string }{
		"persistentvolumeclaims": {`{"metadata":{"name":"a"},"spec":{"storageClassName":"gp2"}}`, `{"metadata":{"name":"a"},"spec":{"storageClassName":"gp3"}}`},
		"statefulsets.apps": {
			`{"metadata":{"name":"a"},"spec":{"template":{"spec":{"volumes":[{"name":"v","ephemeral":{"volumeClaimTemplate":{"spec":{"storageClassName":"gp2"}}}}]}},"volumeClaimTemplates":[{"spec":{"storageClassName":"gp2"}},{"spec":{"storageClassName":"other"}}]}}`,
			`{"metadata":{"name":"a"},"spec":{"template":{"spec":{"volumes":[{"name":"v","ephemeral":{"volumeClaimTemplate":{"spec":{"storageClassName":"gp3"}}}}]}},"volumeClaimTemplates":[{"spec":{"storageClassName":"gp3"}},{"spec":{"storageClassName":"other"}}]}}`},
		"cronjobs.batch": {
			`{"metadata":{"name":"a"},"spec":{"jobTemplate":{"spec":{"template":{"spec":{"volumes":[{"ephemeral":{"volumeClaimTemplate":{"spec":{"storageClassName":"gp2"}}}}]}}}}}}`,
			`{"metadata":{"name":"a"},"spec":{"jobTemplate":{"spec":{"template":{"spec":{"volumes":[{"ephemeral":{"volumeClaimTemplate":{"spec":{"storageClassName":"gp3"}}}}]}}}}}}`},
	} {
		r, err := transform.Object([]byte(c.in), resource(kind), options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.out, string(r.Body)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

// A claim that a restore has made names a VolumeSnapshot for ever that is gone. One that a user named stays.
func TestTheSourceThatARestoreMadeGoes(t *testing.T) {
	for name, stays := range map[string]bool{"salvor-restore-0123": false, "golden": true} {
		source := `"dataSource":{"kind":"VolumeSnapshot","name":"` + name + `"}`
		r, err := transform.Object([]byte(`{"metadata":{"name":"a"},"spec":{`+source+`,"dataSourceRef":{"name":"`+name+`"}}}`), resource("persistentvolumeclaims"), transform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"metadata":{"name":"a"},"spec":{}}`
		if stays {
			want = `{"metadata":{"name":"a"},"spec":{` + source + `,"dataSourceRef":{"name":"golden"}}}`
		}
		if string(r.Body) != want {
			t.Errorf("%s: got %s, want %s", name, r.Body, want)
		}
	}
}
