package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// objectPaths are the kinds that are created, read, updated and deleted as they are.
var objectPaths = map[string]string{
	"clusters":         salvor.KindCluster,
	"locations":        salvor.KindBackupLocation,
	"rules":            salvor.KindRule,
	"schedulepolicies": salvor.KindSchedulePolicy,
	"schedules":        salvor.KindBackupSchedule,
}

func (s *Server) objectRoutes(mux *http.ServeMux, path, kind string) {
	all, one := "/v1/"+path, "/v1/"+path+"/{name}"
	mux.Handle("GET "+all, s.answer(s.listOf(kind)))
	mux.Handle("GET "+one, s.answer(s.getOf(kind)))
	mux.Handle("POST "+all, s.answer(func(r *http.Request) (*reply, error) {
		o, err := readObject(r, kind)
		if err != nil {
			return nil, err
		}
		return s.create(r, o, all+"/"+o.Meta().Name)
	}))
	mux.Handle("PUT "+one, s.answer(func(r *http.Request) (*reply, error) { return s.put(r, kind, all) }))
	mux.Handle("DELETE "+one, s.answer(func(r *http.Request) (*reply, error) { return s.deleteObject(r, kind) }))
}

func (s *Server) listOf(kind string) func(*http.Request) (*reply, error) {
	return func(r *http.Request) (*reply, error) {
		v := r.URL.Query()
		if err := onlyThese(v, "limit", "cursor"); err != nil {
			return nil, err
		}
		n, err := limit(v)
		if err != nil {
			return nil, err
		}
		items, next, err := s.Catalog.List(r.Context(), kind, v.Get("cursor"), n)
		if err != nil {
			return nil, err
		}
		if n := fits(items); n < len(items) {
			if items, next, err = s.Catalog.List(r.Context(), kind, v.Get("cursor"), n); err != nil {
				return nil, err
			}
		}
		if items == nil {
			items = []salvor.Object{}
		}
		return &reply{status: http.StatusOK, body: page{Items: items, Next: next}}, nil
	}
}

func (s *Server) getOf(kind string) func(*http.Request) (*reply, error) {
	return func(r *http.Request) (*reply, error) {
		o, err := s.Catalog.Get(r.Context(), kind, r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		return &reply{status: http.StatusOK, body: o, version: o.Meta().ResourceVersion}, nil
	}
}

// create stores a new object. Its status is Salvor's own.
func (s *Server) create(r *http.Request, o salvor.Object, path string) (*reply, error) {
	m := o.Meta()
	m.CreationTimestamp, m.RequestedBy, m.ResourceVersion = metav1.NewTime(s.Now()), callerOf(r.Context()), ""
	s.keepStatus(o, nil)
	if err := s.accept(r.Context(), o); err != nil {
		return nil, err
	}
	err := s.Catalog.Create(r.Context(), o)
	if err == nil || salvor.Is(err, salvor.Exists) {
		if err := s.changed(r.Context(), o.GetKind(), m.Name); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: o, version: m.ResourceVersion, location: path}, nil
}

// put replaces the object whose ETag the request names, or makes a new one when it insists on that.
func (s *Server) put(r *http.Request, kind, all string) (*reply, error) {
	o, err := readObject(r, kind)
	if err != nil {
		return nil, err
	}
	m := o.Meta()
	if m.Name != r.PathValue("name") {
		return nil, salvor.Errorf(salvor.Invalid, "metadata.name is %q, and the path says %q", m.Name, r.PathValue("name"))
	}
	if r.Header.Get("If-None-Match") == "*" {
		a, err := s.create(r, o, all+"/"+m.Name)
		if salvor.Is(err, salvor.Exists) {
			err = withStatus(http.StatusPreconditionFailed, salvor.Errorf(salvor.Exists, "it is there already"))
		}
		return a, err
	}
	if r.Header.Get("If-Match") == "" {
		return nil, withStatus(http.StatusPreconditionRequired, salvor.Errorf(salvor.Invalid, "the request does not say which state it replaces").
			WithHint("send If-Match with the ETag that you read, or If-None-Match: * to make a new one"))
	}
	version, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	was, err := s.Catalog.Get(r.Context(), kind, m.Name)
	if err != nil {
		return nil, err
	}
	m.CreationTimestamp, m.RequestedBy, m.ResourceVersion = was.Meta().CreationTimestamp, was.Meta().RequestedBy, version
	if version == "" {
		m.ResourceVersion = was.Meta().ResourceVersion
	}
	if meansAnother(o, was) {
		if err := s.unowed(r.Context(), kind, m.Name); err != nil {
			return nil, err
		}
	}
	s.keepStatus(o, was)
	if err := s.accept(r.Context(), o); err != nil {
		return nil, err
	}
	if err := s.Catalog.Update(r.Context(), o); err != nil {
		return nil, stale(err)
	}
	if err := s.changed(r.Context(), kind, m.Name); err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, body: o, version: m.ResourceVersion}, nil
}

// keepStatus gives the object the status of the one that is stored: a request can't set it.
func (s *Server) keepStatus(o, was salvor.Object) {
	salvor.KeepStatus(o, was, s.Now())
	if l, ok := o.(*salvor.BackupLocation); ok {
		l.Status = salvor.BackupLocationStatus{}
		if old, ok := was.(*salvor.BackupLocation); ok && salvor.Same(old.Spec, l.Spec) {
			l.Status = old.Status
		}
	}
	c, ok := o.(*salvor.Cluster)
	if !ok {
		return
	}
	c.Status = salvor.ClusterStatus{}
	if old, ok := was.(*salvor.Cluster); ok && salvor.Same(old.Spec, c.Spec) {
		c.Status = old.Status
	}
}

func (s *Server) deleteObject(r *http.Request, kind string) (*reply, error) {
	version, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if version != "" { // what is stale goes before what is in use
		o, err := s.Catalog.Get(r.Context(), kind, name)
		if err == nil && o.Meta().ResourceVersion != version {
			return nil, stale(salvor.Errorf(salvor.Conflict, "it was changed"))
		}
	}
	if err := s.unused(r.Context(), kind, name); err != nil {
		return nil, err
	}
	if err := s.unowed(r.Context(), kind, name); err != nil {
		return nil, err
	}
	err = s.Catalog.Delete(r.Context(), kind, name, version)
	if err == nil || salvor.Is(err, salvor.NotFound) {
		if err := s.changed(r.Context(), kind, name); err != nil {
			return nil, err
		}
	}
	return &reply{status: http.StatusNoContent}, stale(err)
}

func (s *Server) accept(ctx context.Context, o salvor.Object) error {
	if p, ok := o.(*salvor.SchedulePolicy); ok {
		if err := schedule.Check(p.Spec); err != nil {
			return err
		}
	}
	if s.Accept == nil {
		return nil
	}
	return s.Accept(ctx, o)
}

func (s *Server) changed(ctx context.Context, kind, name string) error {
	if s.Changed == nil {
		return nil
	}
	return s.Changed(ctx, kind, name)
}

// unused returns Conflict when a schedule needs the object.
func (s *Server) unused(ctx context.Context, kind, name string) error {
	for cursor := ""; kind != salvor.KindRestore && kind != salvor.KindBackupSchedule; {
		items, next, err := s.Catalog.List(ctx, salvor.KindBackupSchedule, cursor, 0)
		if err != nil {
			return err
		}
		for _, o := range items {
			b := o.(*salvor.BackupSchedule)
			t := b.Spec.Template.Spec
			used := map[string][]string{salvor.KindCluster: {t.Cluster}, salvor.KindBackupLocation: {t.Location},
				salvor.KindRule: {t.PreExecRule, t.PostExecRule}, salvor.KindSchedulePolicy: {b.Spec.Policy}}
			if slices.Contains(used[kind], name) {
				return salvor.Errorf(salvor.Conflict, "schedule %q uses it", b.Name).WithHint("delete the schedule first")
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	return nil
}

// readObject reads the one object of the kind that the request carries, filled in and checked.
func readObject(r *http.Request, kind string) (salvor.Object, error) {
	data, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, withStatus(http.StatusRequestEntityTooLarge, salvor.Errorf(salvor.Invalid, "the request is larger than %d bytes", large.Limit))
	}
	if err != nil {
		return nil, salvor.Errorf(salvor.Unavailable, "reading the request: %w", err)
	}
	if !json.Valid(data) {
		return nil, salvor.Errorf(salvor.Invalid, "the request is not JSON")
	}
	objects, err := salvor.Load(data, "request")
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 || objects[0].GetKind() != kind {
		return nil, salvor.Errorf(salvor.Invalid, "the request does not hold one %s", kind)
	}
	return objects[0], nil
}
