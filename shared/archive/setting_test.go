package archive_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

func TestKeysOfSettings(t *testing.T) {
	at := metav1.NewMicroTime(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	for _, k := range archive.SettingKinds {
		s := archive.NewSetting("arn:aws:dynamodb:eu-central-1:1:table/salvor", k.Kind, "a.b-c", []byte(`{}`), at)
		key, err := s.Key()
		if err != nil {
			t.Fatal(err)
		}
		got, ok := archive.ParseSettingKey(key)
		if want := (archive.SettingKey{Kind: k.Kind, Name: "a.b-c", ID: s.ID, Mark: archive.CatalogMark(s.Catalog)}); !ok || got != want {
			t.Errorf("%s says %+v, want %+v", key, got, want)
		}
	}
	if _, err := (&archive.Setting{Kind: salvor.KindCluster, Name: "prod"}).Key(); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a Cluster has a key: %v", err)
	}
	for _, key := range []string{"", "config/", "config/rules/a", "config/rules/a/b.json", "config/users/a/01ARZ3NDEKTSV4RRFFQ69G5FAV-1.json", "prod/owner.json",
		"config/rules/a/01ARZ3NDEKTSV4RRFFQ69G5FAV.json", "config/rules/a/01ARZ3NDEKTSV4RRFFQ69G5FAV-1"} {
		if k, ok := archive.ParseSettingKey(key); ok {
			t.Errorf("%q is taken for %+v", key, k)
		}
	}
}

func FuzzDecodeSetting(f *testing.F) {
	s := archive.NewSetting("me", salvor.KindRule, "freeze", []byte(`{"kind":"Rule"}`), metav1.NewMicroTime(time.Unix(1_790_000_000, 0)))
	data, err := s.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := archive.DecodeSetting(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("a setting that was read can't be written: %v", err)
		}
		back, err := archive.DecodeSetting(again)
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Error(diff)
		}
	})
}
