package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tools/internal/image"
)

// entries reads a tar: for each name its content, or "-> target".
func entries(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	got := map[string]string{}
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(body)
		if h.Linkname != "" {
			got[h.Name] = "-> " + h.Linkname
		}
	}
}

func TestArchiveHoldsTogether(t *testing.T) {
	img := image.Image{Tag: "localhost/x:1", Command: []string{"sh"}, Files: []image.File{
		{Path: "tmp/", Mode: 0o1777},
		{Path: "bin/tool", Mode: 0o755, Data: []byte("program")},
		{Path: "bin/sh", Mode: 0o777, Link: "tool"},
	}}
	var first, second bytes.Buffer
	if err := errors.Join(img.Write(&first), img.Write(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same image gave different bytes")
	}
	outer := entries(t, first.Bytes())
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal([]byte(outer["manifest.json"]), &manifest); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"localhost/x:1"}, manifest[0].RepoTags); diff != "" {
		t.Error(diff)
	}
	layer := outer[manifest[0].Layers[0]]
	want := map[string]string{"tmp/": "", "bin/tool": "program", "bin/sh": "-> tool"}
	if diff := cmp.Diff(want, entries(t, []byte(layer))); diff != "" {
		t.Error(diff)
	}
	var config struct {
		Config struct{ Cmd []string }
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal([]byte(outer[manifest[0].Config]), &config); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(layer))
	if diff := cmp.Diff([]string{"sha256:" + hex.EncodeToString(sum[:])}, config.Rootfs.DiffIDs); diff != "" {
		t.Errorf("the layer is not the one the configuration names: %s", diff)
	}
}
