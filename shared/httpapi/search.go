package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/lookup"
	"salvor.io/salvor/shared/salvor"
)

// page is one page of a list.
type page struct {
	Items any `json:"items"`
	// Next is the cursor of the next page; none at the end.
	Next string `json:"next,omitempty"`
}

// maxPage is about how large a page may be, in bytes.
const maxPage = 1 << 20

func (s *Server) backupRoutes(mux *http.ServeMux) {
	mux.Handle("GET /v1/backups", s.answer(s.searchBackups))
	mux.Handle("GET /v1/calendar", s.answer(s.calendar))
	mux.Handle("GET /v1/backups/{cluster}/{name}", s.answer(s.getBackup))
}

func (s *Server) searchBackups(r *http.Request) (*reply, error) {
	v := r.URL.Query()
	if err := onlyThese(v, append(conditions, "sort", "contains", "limit", "cursor")...); err != nil {
		return nil, err
	}
	q, err := s.query(v)
	if err != nil {
		return nil, err
	}
	search := s.Catalog.Search
	if v.Has("contains") {
		if search, err = s.containing(v.Get("contains")); err != nil {
			return nil, err
		}
	}
	found, err := search(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if n := fits(found.Backups); n < len(found.Backups) {
		q.Limit = n
		if found, err = search(r.Context(), q); err != nil {
			return nil, err
		}
	}
	if found.Backups == nil {
		found.Backups = []*salvor.Backup{}
	}
	return &reply{status: http.StatusOK, body: page{Items: found.Backups, Next: found.Next}}, nil
}

// containing is a search for backups that contain an object.
func (s *Server) containing(object string) (func(context.Context, catalog.Query) (catalog.Page, error), error) {
	o, err := lookup.ParseObject(object)
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "contains: %w", err)
	}
	if s.Open == nil {
		return nil, salvor.Errorf(salvor.Invalid, "contains: this server can't look into backups")
	}
	f := lookup.Finder{Catalog: s.Catalog, Open: s.Open}
	return func(ctx context.Context, q catalog.Query) (catalog.Page, error) { return f.Search(ctx, q, o) }, nil
}

// fits is how many of the items a page takes: at least one.
func fits[T any](items []T) int {
	size := 0
	for i, item := range items {
		data, err := json.Marshal(item)
		if size += len(data); i > 0 && (err != nil || size > maxPage) {
			return i
		}
	}
	return len(items)
}

func (s *Server) getBackup(r *http.Request) (*reply, error) {
	b, err := s.Catalog.GetBackup(r.Context(), backupID(r))
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, body: b, version: b.ResourceVersion}, nil
}

func backupID(r *http.Request) salvor.BackupID {
	return salvor.BackupID{ClusterID: r.PathValue("cluster"), Name: r.PathValue("name")}
}

// conditions are the parameters of every search. Those that are unknown are refused: a misspelt one would find too much.
var conditions = []string{"from", "to", "on", "between", "last", "asOf", "zone", "cluster", "namespace", "schedule", "name", "labels", "app", "phase"}

// query reads the conditions of a search.
func (s *Server) query(v url.Values) (q catalog.Query, err error) {
	q = catalog.Query{ClusterID: v.Get("cluster"), Namespace: v.Get("namespace"), Schedule: v.Get("schedule"), Name: v.Get("name"),
		Labels: v.Get("labels"), App: v.Get("app"), Cursor: v.Get("cursor")}
	for _, list := range v["phase"] {
		for p := range strings.SplitSeq(list, ",") {
			q.Phases = append(q.Phases, salvor.Phase(p))
		}
	}
	switch v.Get("sort") {
	case "", "-date":
	case "date":
		q.OldestFirst = true
	default:
		return q, salvor.Errorf(salvor.Invalid, "sort: %q is not an order", v.Get("sort")).WithHint("-date is the newest first, date the oldest first")
	}
	if q.Limit, err = limit(v); err != nil {
		return q, err
	}
	q.From, q.To, err = s.span(v)
	return q, err
}

// onlyThese refuses what is not known, and what is given twice: of two namespaces, one would be left out.
func onlyThese(v url.Values, known ...string) error {
	for name, values := range v {
		if len(values) > 1 && name != "phase" {
			return salvor.Errorf(salvor.Invalid, "the parameter %q is given %d times", name, len(values)).WithHint("only phase may be")
		}
		if !contains(known, name) {
			return salvor.Errorf(salvor.Invalid, "there is no parameter %q", name).WithHint("known are %s", strings.Join(known, ", "))
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

func limit(v url.Values) (int, error) {
	text := v.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > catalog.MaxLimit {
		return 0, salvor.Errorf(salvor.Invalid, "limit: %q is not a number from 1 to %d", text, catalog.MaxLimit)
	}
	return n, nil
}
