// Package image packs files into a container image without any container tool.
//
// An archive is what `docker save` writes and `ctr images import` reads: one
// layer, its configuration, and a manifest that names it.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

// File is one entry of an image; its directories are made as needed.
type File struct {
	// Path is without a leading slash. One ending in a slash is a directory.
	Path string
	Mode int64
	// Link makes a symbolic link to that target.
	Link string
	Data []byte
}

// Image is what an archive holds.
type Image struct {
	// Tag is the full name, such as localhost/salvor/busybox:1. One that isn't
	// ":latest" is never pulled when it is there.
	Tag   string
	Files []File
	// Command is run unless a pod says otherwise.
	Command []string
}

// Write writes the archive. The same image gives the same bytes.
func (i Image) Write(w io.Writer) error {
	var layer bytes.Buffer
	if err := writeTar(&layer, i.Files); err != nil {
		return fmt.Errorf("packing the layer of %s: %w", i.Tag, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"Env": []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
			"Cmd": i.Command,
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer.Bytes())}},
	})
	if err != nil {
		return fmt.Errorf("encoding the configuration of %s: %w", i.Tag, err)
	}
	configName, layerName := digest(config)+".json", digest(layer.Bytes())+"/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{i.Tag}, "Layers": []string{layerName},
	}})
	if err != nil {
		return fmt.Errorf("encoding the manifest of %s: %w", i.Tag, err)
	}
	return writeTar(w, []File{
		{Path: layerName, Mode: 0o644, Data: layer.Bytes()},
		{Path: configName, Mode: 0o644, Data: config},
		{Path: "manifest.json", Mode: 0o644, Data: manifest},
	})
}

func writeTar(w io.Writer, files []File) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(f.Data)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		case f.Path[len(f.Path)-1] == '/':
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("adding %s: %w", f.Path, err)
		}
		if _, err := t.Write(f.Data); err != nil {
			return fmt.Errorf("adding %s: %w", f.Path, err)
		}
	}
	return t.Close()
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
