package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// localImage is the one that throw-away clusters have.
const localImage = "localhost/salvor/busybox:1"

// leftOut are kinds that would make something outside of the cluster: disks, load balancers, names.
var leftOut = []string{"PersistentVolumeClaim", "Ingress"}

// adapt writes the manifests of the application as they fit on somebody's cluster: under names of the demo's own, with an
// image that can be pulled, as nobody, without what would reach out of the cluster.
func adapt(from string, s shop, image, suffix string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.app, 0o700); err != nil {
		return fmt.Errorf("writing the manifests: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the manifests: %w", err)
		}
		out, err := adaptFile(data, s, image, suffix)
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(s.app, filepath.Base(file)), out, 0o600); err != nil {
			return fmt.Errorf("writing the manifests: %w", err)
		}
	}
	return nil
}

func adaptFile(data []byte, s shop, image, suffix string) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o map[string]any
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out.Bytes(), enc.Close()
		}
		if err != nil {
			return nil, err
		}
		kind, _ := o["kind"].(string)
		if slices.Contains(leftOut, kind) {
			continue
		}
		o = rename(o, func(text string) string {
			switch text {
			case ownShop.web:
				return s.web
			case ownShop.db:
				return s.db
			case localImage:
				return image
			}
			return strings.ReplaceAll(text, ownShop.group, s.group)
		}).(map[string]any)
		if kind == "Namespace" || kind == "CustomResourceDefinition" {
			meta := o["metadata"].(map[string]any)
			labels, _ := meta["labels"].(map[string]any)
			if labels == nil {
				labels = map[string]any{}
			}
			labels[demoLabel], meta["labels"] = suffix, labels
		}
		harmless(o)
		if err := enc.Encode(o); err != nil {
			return nil, err
		}
	}
}

// rename changes every text in a document.
func rename(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case map[string]any:
		for k, e := range v {
			v[k] = rename(e, change)
		}
	case []any:
		for i, e := range v {
			v[i] = rename(e, change)
		}
	}
	return v
}

// harmless finds the specs of pods, and makes them such as the strictest of the Pod Security Standards lets in
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), without claims.
func harmless(v any) {
	switch v := v.(type) {
	case map[string]any:
		if templates, ok := v["volumeClaimTemplates"].([]any); ok {
			pod := v["template"].(map[string]any)["spec"].(map[string]any)
			volumes, _ := pod["volumes"].([]any)
			for _, t := range templates {
				volumes = append(volumes, map[string]any{"name": t.(map[string]any)["metadata"].(map[string]any)["name"], "emptyDir": map[string]any{}})
			}
			pod["volumes"] = volumes
			delete(v, "volumeClaimTemplates")
		}
		if containers, ok := v["containers"].([]any); ok {
			restrict(v, containers)
		}
		for _, e := range v {
			harmless(e)
		}
	case []any:
		for _, e := range v {
			harmless(e)
		}
	}
}

func restrict(pod map[string]any, containers []any) {
	const nobody = 65534
	pod["securityContext"] = map[string]any{"runAsNonRoot": true, "runAsUser": nobody, "runAsGroup": nobody, "seccompProfile": map[string]any{"type": "RuntimeDefault"}}
	for _, c := range containers {
		c.(map[string]any)["securityContext"] = map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}}}
	}
	volumes, _ := pod["volumes"].([]any)
	for _, volume := range volumes {
		if volume := volume.(map[string]any); volume["persistentVolumeClaim"] != nil {
			delete(volume, "persistentVolumeClaim")
			volume["emptyDir"] = map[string]any{}
		}
	}
}
