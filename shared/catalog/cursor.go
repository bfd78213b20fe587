package catalog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"salvor.io/salvor/shared/salvor"
)

// cursor is what a Page.Next holds: the place after which to go on, and the query it belongs to.
type cursor struct {
	Query string `json:"q"`
	Micro int64  `json:"t"`
	// Cluster and Name are those of the last backup of the page before.
	Cluster string `json:"c"`
	Name    string `json:"n"`
}

// fingerprint tells queries apart by what they ask for; Limit may differ from page to page.
func fingerprint(q Query) string {
	q.Limit, q.Cursor = 0, ""
	q.From, q.To = q.From.UTC().Round(0), q.To.UTC().Round(0)
	q.Phases = slices.Clone(q.Phases)
	slices.Sort(q.Phases)
	q.Phases = slices.Compact(q.Phases)
	b, err := json.Marshal(q)
	if err != nil { // A time outside the years 0 to 9999; NewFilter has refused it.
		panic(err)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (f *Filter) cursorAfter(p Position) string {
	return seal(cursor{Query: f.fingerprint, Micro: p.Micro, Cluster: p.ClusterID, Name: p.Name})
}

func (f *Filter) positionOf(s string) (Position, error) {
	var c cursor
	if !unseal(s, &c) || c.Name == "" || c.Cluster == "" || c.Micro < MinMicro || c.Micro > MaxMicro {
		return Position{}, salvor.Errorf(salvor.Invalid, "the cursor is not one of Salvor's").
			WithHint("pass the one that the page before came with, unchanged")
	}
	if c.Query != f.fingerprint {
		return Position{}, salvor.Errorf(salvor.Invalid, "the cursor belongs to another search").
			WithHint("repeat the conditions of the first page, dates as absolute times, or search again without a cursor")
	}
	return Position{Micro: c.Micro, ClusterID: c.Cluster, Name: c.Name}, nil
}

// listCursor is the cursor of Objects.List.
type listCursor struct {
	Kind string `json:"k"`
	Name string `json:"n"`
}

// ListCursor returns the cursor that goes on after the object of that kind and name.
func ListCursor(kind, name string) string { return seal(listCursor{kind, name}) }

// ListAfter returns the name after which a List of the kind goes on: "" for an empty cursor. Invalid: the cursor is
// not one of this kind's.
func ListAfter(kind, s string) (string, error) {
	if s == "" {
		return "", nil
	}
	var c listCursor
	if !unseal(s, &c) || c.Kind != kind || c.Name == "" {
		return "", salvor.Errorf(salvor.Invalid, "the cursor is not one of a list of %s", kind).
			WithHint("pass the one that the page before came with, unchanged")
	}
	return c.Name, nil
}

func seal(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // Strings and numbers only.
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func unseal(s string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(b, v) == nil
}
