package backup_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
)

func item(ns, name string, size int) cluster.Item {
	return cluster.Item{Namespace: ns, Name: name, Raw: []byte(`{"metadata":{"name":"` + name + `"},"data":"` + strings.Repeat("x", size) + `"}`)}
}

// segments cuts the items, and doesn't copy them.
func segments(t *testing.T, items []cluster.Item) []archive.Segment {
	t.Helper()
	s, _, err := backup.Segments(configMaps, items, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSegmentsHoldTheObjectsAsTheyWere(t *testing.T) {
	items := []cluster.Item{
		{Namespace: "a", Name: "1", Raw: []byte(`{"metadata":{"name":"1"}}`)},
		{Namespace: "a", Name: "2", HasType: true, Raw: []byte(`{"kind":"X","apiVersion":"y","metadata":{"name":"2"}}`)},
		{Namespace: "b", Name: "3", Raw: []byte("{\n \"metadata\": {\"name\":\"3\"}\n}")},
	}
	got, data, err := backup.Segments(configMaps, items, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"1"}}` + "\n" + `{"kind":"X","apiVersion":"y","metadata":{"name":"2"}}` + "\n",
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"3"}}` + "\n",
	}
	if d := cmp.Diff(want, data); d != "" {
		t.Errorf("bytes (-want +got):\n%s", d)
	}
	for i, s := range got {
		sum := sha256.Sum256([]byte(data[i]))
		if s.Digest != hex.EncodeToString(sum[:]) || s.Bytes != int64(len(data[i])) || s.Objects != int64(strings.Count(data[i], "\n")) {
			t.Errorf("segment %d does not describe its bytes: %+v", i, s)
		}
	}
	if got[0].First != "1" || got[0].Last != "2" || got[1].Namespace != "b" {
		t.Errorf("got %+v", got)
	}
}

// TestOneChangeTouchesOneSegment changes, removes and adds single objects in a kind of some 16 MiB and counts the segments that differ.
func TestOneChangeTouchesOneSegment(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var items []cluster.Item
	for i := range 8000 {
		items = append(items, item("ns", fmt.Sprintf("object-%05d", i*2), 500+random.IntN(3000)))
	}
	before := segments(t, items)
	if n := len(before); n < 4 || n > 40 {
		t.Fatalf("%d segments", n)
	}
	for _, s := range before[:len(before)-1] {
		if s.Bytes < 1<<20 || s.Bytes > archive.MaxSegment {
			t.Errorf("segment of %d bytes", s.Bytes)
		}
	}
	total := 0
	const rounds = 12
	for range rounds {
		at := random.IntN(len(items))
		changed := slices.Clone(items)
		switch random.IntN(3) {
		case 0:
			changed[at] = item("ns", items[at].Name, len(items[at].Raw)+7)
		case 1:
			changed = slices.Delete(changed, at, at+1)
		case 2:
			changed = slices.Insert(changed, at+1, item("ns", fmt.Sprintf("object-%05d", at*2+1), 900))
		}
		after := segments(t, changed)
		total += differing(before, after)
	}
	if total > rounds*3/2 {
		t.Errorf("%d changes touched %d segments", rounds, total)
	}
}

// differing counts the segments of after that before lacks.
func differing(before, after []archive.Segment) int {
	known := map[string]bool{}
	for _, s := range before {
		known[s.Digest] = true
	}
	n := 0
	for _, s := range after {
		if !known[s.Digest] {
			n++
		}
	}
	return n
}

func TestLargeObjectsKeepSegmentsBounded(t *testing.T) {
	large := item("ns", "o", 1<<20).Raw
	items := make([]cluster.Item, 100)
	for i := range items {
		items[i] = item("ns", fmt.Sprintf("o-%03d", i), 0)
		items[i].Raw = large
	}
	got := segments(t, items)
	for _, s := range got {
		if s.Bytes > archive.MaxSegment {
			t.Errorf("segment of %d bytes", s.Bytes)
		}
	}
	if len(got) < 7 {
		t.Errorf("%d segments", len(got))
	}
}
