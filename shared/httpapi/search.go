package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/dates"
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
	mux.Handle("GET /v1/backups/{cluster}/{name}", s.answer(s.getBackup))
}

func (s *Server) searchBackups(r *http.Request) (*reply, error) {
	q, err := s.query(r.URL.Query())
	if err != nil {
		return nil, err
	}
	found, err := s.Catalog.Search(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if n := fits(found.Backups); n < len(found.Backups) {
		q.Limit = n
		if found, err = s.Catalog.Search(r.Context(), q); err != nil {
			return nil, err
		}
	}
	if found.Backups == nil {
		found.Backups = []*salvor.Backup{}
	}
	return &reply{status: http.StatusOK, body: page{Items: found.Backups, Next: found.Next}}, nil
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

// query reads the conditions of a search. Those that are unknown are refused: a misspelt one would find too much.
func (s *Server) query(v url.Values) (q catalog.Query, err error) {
	known := []string{"from", "to", "on", "last", "zone", "cluster", "namespace", "schedule", "name", "labels", "phase", "limit", "cursor"}
	if err := onlyThese(v, known...); err != nil {
		return q, err
	}
	q = catalog.Query{ClusterID: v.Get("cluster"), Namespace: v.Get("namespace"), Schedule: v.Get("schedule"), Name: v.Get("name"),
		Labels: v.Get("labels"), Cursor: v.Get("cursor")}
	for _, list := range v["phase"] {
		for p := range strings.SplitSeq(list, ",") {
			q.Phases = append(q.Phases, salvor.Phase(p))
		}
	}
	if q.Limit, err = limit(v); err != nil {
		return q, err
	}
	q.From, q.To, err = s.span(v)
	return q, err
}

func onlyThese(v url.Values, known ...string) error {
	for name := range v {
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

// span reads the dates: from <= date < to. A day that is named as the last one is included.
func (s *Server) span(v url.Values) (from, to time.Time, err error) {
	zone := time.UTC
	if name := v.Get("zone"); name != "" {
		if zone, err = time.LoadLocation(name); err != nil {
			return from, to, salvor.Errorf(salvor.Invalid, "zone: %q is not an IANA time zone", name)
		}
	}
	read := func(name string) (dates.Span, error) {
		span, err := dates.Parse(v.Get(name), s.Now(), zone)
		if err != nil {
			return span, salvor.Errorf(salvor.Invalid, "%s: %w", name, err)
		}
		return span, nil
	}
	if v.Has("on") || v.Has("last") {
		if v.Has("from") || v.Has("to") || v.Has("on") && v.Has("last") {
			return from, to, salvor.Errorf(salvor.Invalid, "on, last, and from with to exclude each other")
		}
	}
	var span dates.Span
	switch {
	case v.Has("on"):
		if span, err = read("on"); err == nil && !span.End.After(span.Start) {
			err = salvor.Errorf(salvor.Invalid, "on: %q is not a whole day", v.Get("on"))
		}
		return span.Start, span.End, err
	case v.Has("last"):
		span, err = read("last")
		return span.Start, to, err
	}
	if v.Has("from") {
		if span, err = read("from"); err != nil {
			return from, to, err
		}
		from = span.Start
	}
	if v.Has("to") {
		if span, err = read("to"); err != nil {
			return from, to, err
		}
		if to = span.End; !to.After(span.Start) {
			to = span.Start.Add(time.Nanosecond) // the moment itself is included
		}
	}
	return from, to, nil
}
