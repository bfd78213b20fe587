package restore

import (
	"encoding/json"
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

const (
	kindStatefulSets = "statefulsets.apps"
	kindDeployments  = "deployments.apps"
)

// podPaths are where objects of a kind have the spec of their pods.
var podPaths = map[string][]string{
	"pods":                   {"spec"},
	"cronjobs.batch":         {"spec", "jobTemplate", "spec", "template", "spec"},
	kindDeployments:          {"spec", "template", "spec"},
	kindStatefulSets:         {"spec", "template", "spec"},
	"daemonsets.apps":        {"spec", "template", "spec"},
	"replicasets.apps":       {"spec", "template", "spec"},
	"jobs.batch":             {"spec", "template", "spec"},
	"replicationcontrollers": {"spec", "template", "spec"},
}

// usesClaim reports whether pods of the object use the claim.
func usesClaim(kind string, raw []byte, claim string) bool {
	path, ok := podPaths[kind]
	if !ok {
		return false
	}
	var volumes []struct {
		PersistentVolumeClaim struct{ ClaimName string }
	}
	if v := rawjson.Get(raw, append(path, "volumes")...); v != nil && json.Unmarshal(v, &volumes) == nil {
		for _, v := range volumes {
			if v.PersistentVolumeClaim.ClaimName == claim {
				return true
			}
		}
	}
	return kind == kindStatefulSets && ownTemplate(raw, claim)
}

// ownTemplate reports whether the claim is made by a template of the StatefulSet, whose claims are called template-set-ordinal.
func ownTemplate(set []byte, claim string) bool {
	var templates []struct{ Metadata struct{ Name string } }
	v := rawjson.Get(set, "spec", "volumeClaimTemplates")
	if v == nil || json.Unmarshal(v, &templates) != nil {
		return false
	}
	for _, t := range templates {
		ordinal, ok := strings.CutPrefix(claim, t.Metadata.Name+"-"+textOf(set, "metadata", "name")+"-")
		if ok && ordinal != "" && strings.Trim(ordinal, "0123456789") == "" {
			return true
		}
	}
	return false
}
