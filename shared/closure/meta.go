package closure

import (
	"bytes"
	"encoding/json"
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

// meta is what of an object's metadata matters here, as raw JSON; nil where there is none.
type meta struct{ labels, annotations, owners []byte }

func metaOf(raw []byte) meta {
	var m meta
	_ = rawjson.Fields(rawjson.Get(raw, "metadata"), func(key, value []byte, _ int) (bool, error) {
		switch string(key) {
		case `"labels"`:
			m.labels = value
		case `"annotations"`:
			m.annotations = value
		case `"ownerReferences"`:
			m.owners = value
		}
		return true, nil
	})
	return m
}

// decode reads as much of a JSON value as fits the type: an API server has checked built-in objects, and of custom
// resources a part that does not fit means nothing here.
func decode[T any](raw []byte) (v T) {
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &v)
	}
	return v
}

// text returns the string that raw holds, "" for anything else.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	s, err := rawjson.Unquote(raw)
	if err != nil {
		return ""
	}
	return s
}

// annotation returns the value of an annotation.
func (m meta) annotation(name string) string {
	return text(rawjson.Get(m.annotations, name))
}

// groupOf cuts the group from an apiVersion.
func groupOf(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}

// ownersOf adds the owners of an object.
func (f *Facts) ownersOf(m meta) {
	if m.owners == nil {
		return
	}
	for _, o := range decode[[]struct{ APIVersion, Kind, Name string }](m.owners) {
		f.add(Ref{Relation: Own, Group: groupOf(o.APIVersion), Type: o.Kind, Name: o.Name, Why: "owner of", Back: "owned by", Optional: true})
	}
}

// helmOwner marks the objects of a Helm release (https://helm.sh/docs/topics/advanced/#storage-backends).
const helmOwner = "meta.helm.sh/release-name"

// recordsOf adds the records of the release that made the object: without them Helm knows nothing of it.
func (f *Facts) recordsOf(m meta) {
	if !bytes.Contains(m.annotations, []byte(helmOwner)) {
		return
	}
	f.add(Ref{Relation: Record, Kind: helmRelease, Namespace: m.annotation("meta.helm.sh/release-namespace"),
		Name: m.annotation(helmOwner), Why: "Helm release of", Optional: true})
}

// helmRecord returns the release whose record a Secret or ConfigMap of this name is: sh.helm.release.v1.NAME.v3.
func helmRecord(name string) string {
	rest, ok := strings.CutPrefix(name, "sh.helm.release.v1.")
	if !ok {
		return ""
	}
	release, _, ok := cutLast(rest, ".v")
	if !ok {
		return ""
	}
	return release
}

// cutLast cuts s around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
