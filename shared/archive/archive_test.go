package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

var update = flag.Bool("update", false, "write the golden sample of the current version anew; never do that for a version that was released")

const lines = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"},"data":{"k":"ä"}}
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"shop"}}
`

func encode(t testing.TB, data string) ([]byte, archive.Segment) {
	t.Helper()
	e, err := archive.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := e.Encode(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(data))
	return stored, archive.Segment{Namespace: "shop", Digest: hex.EncodeToString(sum[:]), Objects: int64(strings.Count(data, "\n")), Bytes: int64(len(data)),
		StoredBytes: int64(len(stored)), First: "a", Last: "b"}
}

func manifest(s archive.Segment) *archive.Manifest {
	at := metav1.NewMicroTime(time.Date(2026, 11, 22, 2, 0, 0, 123456000, time.UTC))
	return &archive.Manifest{FormatVersion: 1, Backup: "shop-daily-20261122t020000z", Cluster: "prod-eu", CutAt: at, CreatedAt: at, StartedAt: at, CompletedAt: at,
		Spec: salvor.BackupSpec{Cluster: "prod-eu", Location: "bucket", Scope: salvor.Scope{Namespaces: []string{"shop"}}}, Phase: salvor.PhaseCompleted,
		Revision: "12345", Namespaces: []string{"shop"}, Totals: archive.Totals{Objects: s.Objects, Segments: 1, Bytes: s.Bytes, StoredBytes: s.StoredBytes},
		Kinds: []archive.Kind{{Resource: cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}, Segments: []archive.Segment{s}}}}
}

func TestEveryFlippedBitOfASegmentIsFound(t *testing.T) {
	stored, s := encode(t, lines)
	if data, err := archive.Decode(stored, s); err != nil || string(data) != lines {
		t.Fatalf("got %q, %v", data, err)
	}
	for i := range len(stored) * 8 {
		bad := slices.Clone(stored)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := archive.Decode(bad, s); !salvor.Is(err, salvor.Corrupt) {
			t.Fatalf("bit %d of byte %d flipped: got %v", i%8, i/8, err)
		}
	}
	for n := range len(stored) {
		if _, err := archive.Decode(stored[:n], s); !salvor.Is(err, salvor.Corrupt) {
			t.Fatalf("cut off after %d bytes: got %v", n, err)
		}
	}
}

func TestSegmentOfAnotherDigestIsRefused(t *testing.T) {
	stored, s := encode(t, lines)
	other, _ := encode(t, strings.ToUpper(lines))
	for name, tt := range map[string]struct {
		stored []byte
		change func(*archive.Segment)
	}{
		"another segment in its place": {other, func(*archive.Segment) {}},
		"another number of objects":    {stored, func(s *archive.Segment) { s.Objects++ }},
		"another length":               {stored, func(s *archive.Segment) { s.Bytes-- }},
		"something behind it":          {append(slices.Clone(stored), 'x'), func(*archive.Segment) {}},
		"a second frame behind it":     {append(slices.Clone(stored), stored...), func(*archive.Segment) {}},
	} {
		bad := s
		tt.change(&bad)
		if _, err := archive.Decode(tt.stored, bad); !salvor.Is(err, salvor.Corrupt) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEveryFlippedBitOfAManifestIsFound(t *testing.T) {
	_, s := encode(t, lines)
	want := manifest(s)
	data, root, err := archive.EncodeManifest(want)
	if err != nil {
		t.Fatal(err)
	}
	got, gotRoot, err := archive.DecodeManifest(data)
	if err != nil || gotRoot != root {
		t.Fatalf("root %s, %v", gotRoot, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("manifest (-want +got):\n%s", d)
	}
	for i := range len(data) * 8 {
		bad := slices.Clone(data)
		bad[i/8] ^= 1 << (i % 8)
		if _, _, err := archive.DecodeManifest(bad); !salvor.Is(err, salvor.Corrupt) {
			t.Fatalf("bit %d of byte %d flipped: got %v", i%8, i/8, err)
		}
	}
}

func TestLaterFormatIsRefusedWithAHint(t *testing.T) {
	m := manifest(archive.Segment{})
	m.FormatVersion = archive.FormatVersion + 1
	data, _, err := archive.EncodeManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.DecodeManifest(data); !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), "newer salvor") {
		t.Errorf("got %v", err)
	}
}

// TestGolden reads a sample of every version of the format that was ever written.
func TestGolden(t *testing.T) {
	dir := filepath.Join("testdata", "v1")
	stored, s := encode(t, lines)
	if *update {
		data, _, err := archive.EncodeManifest(manifest(s))
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"manifest.json": data, s.Digest + ".ndjson.zst": stored} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := archive.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	segment := m.Kinds[0].Segments[0]
	golden, err := os.ReadFile(filepath.Join(dir, segment.Digest+".ndjson.zst"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := archive.Decode(golden, segment)
	if err != nil || string(got) != lines {
		t.Errorf("got %q, %v", got, err)
	}
	segment.StoredBytes = s.StoredBytes
	if d := cmp.Diff(manifest(segment), m); d != "" {
		t.Errorf("manifest (-want +got):\n%s", d)
	}
}

func TestZstdReadsASegment(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Fatal("this test needs zstd; make setup installs it")
	}
	stored, _ := encode(t, lines)
	cmd := exec.CommandContext(t.Context(), zstd, "-dc")
	cmd.Stdin = bytes.NewReader(stored)
	out, err := cmd.Output()
	if err != nil || string(out) != lines {
		t.Errorf("zstd -dc printed %q, %v", out, err)
	}
}

func TestKeys(t *testing.T) {
	k := archive.Keys{ClusterID: "prod"}
	digest := strings.Repeat("ab", 32)
	if key := k.Segment(digest); key != "prod/segments/"+digest+".ndjson.zst" || k.SegmentCopy(digest, 2) != "prod/segments/"+digest+".2.ndjson.zst" {
		t.Errorf("the keys are %s and %s", key, k.SegmentCopy(digest, 2))
	}
	for number := 1; number < 12; number++ {
		if got, n, ok := k.ParseSegment(k.SegmentCopy(digest, number)); !ok || got != digest || n != number {
			t.Errorf("copy %d is parsed as %q, %d, %v", number, got, n, ok)
		}
		if got, n, ok := k.ParseDamage(k.Damage(digest, number)); !ok || got != digest || n != number {
			t.Errorf("the mark of copy %d is parsed as %q, %d, %v", number, got, n, ok)
		}
	}
	for _, key := range []string{k.Owner(), k.Manifest("b"), "other/segments/" + digest + ".ndjson.zst", k.Segments() + "x.ndjson.zst", k.Damage(digest, 1),
		k.Segments() + digest + ".1.ndjson.zst", k.Segments() + digest + ".02.ndjson.zst", k.Segments() + digest + ".x.ndjson.zst"} {
		if got, n, ok := k.ParseSegment(key); ok {
			t.Errorf("%s is taken for copy %d of segment %s", key, n, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	stored, s := encode(f, lines)
	f.Add(stored)
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := archive.Decode(data, s); err == nil && string(got) != lines {
			t.Errorf("took %q for the segment", got)
		}
	})
}

func FuzzDecodeManifest(f *testing.F) {
	data, _, err := archive.EncodeManifest(manifest(archive.Segment{}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) { _, _, _ = archive.DecodeManifest(data) })
}
