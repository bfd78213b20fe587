package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// workRoutes are those that begin, cancel and delete what takes long.
func (s *Server) workRoutes(mux *http.ServeMux) {
	mux.Handle("POST /v1/backups", s.answer(s.createBackup))
	mux.Handle("POST /v1/backups/{cluster}/{name}/cancel", s.answer(s.cancelBackup))
	mux.Handle("POST /v1/backups/{cluster}/{name}/hold", s.answer(s.holdBackup))
	mux.Handle("POST /v1/backups/{cluster}/{name}/release", s.answer(s.releaseBackup))
	mux.Handle("DELETE /v1/backups/{cluster}/{name}", s.answer(s.deleteBackup))
	if s.Schedules != nil {
		mux.Handle("POST /v1/schedules/{name}/run", s.answer(s.runSchedule))
	}
	mux.Handle("GET /v1/restores", s.answer(s.listOf(salvor.KindRestore)))
	mux.Handle("POST /v1/restores", s.answer(s.createRestore))
	mux.Handle("GET /v1/restores/{name}", s.answer(s.getOf(salvor.KindRestore)))
	mux.Handle("POST /v1/restores/{name}/cancel", s.answer(s.cancelRestore))
	mux.Handle("DELETE /v1/restores/{name}", s.answer(s.deleteRestore))
}

func backupPath(id salvor.BackupID) string { return "/v1/backups/" + id.ClusterID + "/" + id.Name }

// accepted answers about work that was begun, or found begun by an earlier request for the same.
func accepted(o salvor.Object, path string) *reply {
	return &reply{status: http.StatusAccepted, body: o, version: o.Meta().ResourceVersion, location: path}
}

func (s *Server) createBackup(r *http.Request) (*reply, error) {
	o, err := readObject(r, salvor.KindBackup)
	if err != nil {
		return nil, err
	}
	b := o.(*salvor.Backup)
	if b.Spec.Schedule != "" {
		return nil, salvor.Errorf(salvor.Invalid, "spec.schedule: only a schedule sets it")
	}
	asked := b.Spec
	b.Status = salvor.BackupStatus{}
	mark(r.Context(), b.Meta())
	recorded, created, err := s.Backups.Begin(r.Context(), b)
	if err != nil {
		return nil, unknownName(err)
	}
	if !created && !salvor.Same(asked, recorded.Spec) {
		return nil, salvor.Errorf(salvor.Exists, "backup %s is there already, and of something else", recorded.ID()).WithHint("choose another name")
	}
	if !recorded.Status.Phase.Done() {
		if err := s.WorkOnBackup(r.Context(), recorded); err != nil {
			return nil, err
		}
	}
	return accepted(recorded, backupPath(recorded.ID())), nil
}

// unknownName: what a spec names and is not there is a mistake in the request.
func unknownName(err error) error {
	var e *salvor.Error
	if salvor.Is(err, salvor.NotFound) && errors.As(err, &e) {
		return withStatus(http.StatusBadRequest, salvor.Errorf(salvor.Invalid, "%s", detail(err)).WithHint("%s", e.Hint))
	}
	return err
}

func (s *Server) cancelBackup(r *http.Request) (*reply, error) {
	b, err := backup.RequestCancel(r.Context(), s.Catalog, backupID(r))
	if err != nil {
		return nil, err
	}
	// Nobody may look for a while at one that settles, nor at what was cut for one that nobody worked on.
	if p := b.Status.Phase; p == salvor.PhaseSettling || p == salvor.PhaseCanceled && b.Status.Lease.Epoch > 0 {
		if err := s.WorkOnBackup(r.Context(), b); err != nil {
			return nil, err
		}
	}
	return accepted(b, backupPath(b.ID())), nil
}

// holdBackup keeps a backup from being deleted. It is in the catalog at once; the next pass of the expiry writes it beside
// the manifest.
func (s *Server) holdBackup(r *http.Request) (*reply, error) {
	if err := onlyThese(r.URL.Query(), "reason"); err != nil {
		return nil, err
	}
	hold := salvor.Hold{By: callerOf(r.Context()), Since: metav1.NewTime(s.Now().Truncate(time.Second)), Reason: r.URL.Query().Get("reason")}
	b, err := backup.Hold(r.Context(), s.Catalog, backupID(r), hold, nil)
	if err != nil {
		return nil, err
	}
	return accepted(b, backupPath(b.ID())), nil
}

// releaseBackup ends a hold, as holdBackup begins it.
func (s *Server) releaseBackup(r *http.Request) (*reply, error) {
	b, err := backup.Release(r.Context(), s.Catalog, backupID(r), callerOf(r.Context()), s.Now(), nil)
	if err != nil {
		return nil, err
	}
	return accepted(b, backupPath(b.ID())), nil
}

func (s *Server) deleteBackup(r *http.Request) (*reply, error) {
	if err := onlyThese(r.URL.Query(), "force", "keepSnapshots"); err != nil {
		return nil, err
	}
	if r.URL.Query().Get("keepSnapshots") == "true" {
		if err := backup.RequestKeep(r.Context(), s.Catalog, backupID(r)); err != nil {
			return nil, err
		}
	}
	b, err := backup.RequestDelete(r.Context(), s.Catalog, backupID(r), s.Now(), r.URL.Query().Get("force") == "true")
	if err != nil {
		return nil, err
	}
	if err := s.WorkOnBackup(r.Context(), b); err != nil {
		return nil, err
	}
	return accepted(b, backupPath(b.ID())), nil
}

// runSchedule begins runs of a schedule now, or as of the time that the request names: repeated with it, it does so once.
func (s *Server) runSchedule(r *http.Request) (*reply, error) {
	v := r.URL.Query()
	if err := onlyThese(v, "at"); err != nil {
		return nil, err
	}
	at := s.Now()
	if text := v.Get("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "at: %q is no time such as 2026-11-22T02:00:00Z", text)
		}
		if ago := s.Now().Sub(at).Abs(); ago > mostAskedAgo {
			return nil, salvor.Errorf(salvor.Invalid, "at: %s is not now; it is the time at which the run was asked for", text)
		}
	}
	f, err := s.Schedules.Ask(r.Context(), r.PathValue("name"), at, callerOf(r.Context()))
	if err != nil {
		return nil, err
	}
	items := []salvor.Object{}
	for _, b := range f.Runs {
		items = append(items, b)
	}
	return &reply{status: http.StatusAccepted, body: page{Items: items}, location: "/v1/backups?name=" + url.QueryEscape(salvor.RunName(r.PathValue("name"), at))}, nil
}

// mostAskedAgo is how far the caller's clock may be from this one.
const mostAskedAgo = time.Hour

func (s *Server) createRestore(r *http.Request) (*reply, error) {
	o, err := readObject(r, salvor.KindRestore)
	if err != nil {
		return nil, err
	}
	want := o.(*salvor.Restore)
	asked := want.Spec
	want.Status = salvor.RestoreStatus{}
	mark(r.Context(), want.Meta())
	recorded, created, err := s.Restores.Begin(r.Context(), want)
	if err != nil {
		return nil, unknownName(err)
	}
	if !created && !salvor.Same(asked, recorded.Spec) {
		return nil, salvor.Errorf(salvor.Exists, "restore %q is there already, and of something else", recorded.Name).WithHint("choose another name")
	}
	if !recorded.Status.Phase.Done() {
		if err := s.WorkOnRestore(r.Context(), recorded); err != nil {
			return nil, err
		}
	}
	return accepted(recorded, "/v1/restores/"+recorded.Name), nil
}

func (s *Server) cancelRestore(r *http.Request) (*reply, error) {
	canceled, err := restore.RequestCancel(r.Context(), s.Catalog, r.PathValue("name"), s.Now())
	if err == nil && restore.Abandoned(canceled, s.Now()) { // what it had begun is to be put back
		err = s.WorkOnRestore(r.Context(), canceled)
	}
	if err != nil {
		return nil, err
	}
	return accepted(canceled, "/v1/restores/"+canceled.Name), nil
}

// deleteRestore forgets a restore that has ended; what it brought back stays.
func (s *Server) deleteRestore(r *http.Request) (*reply, error) {
	o, err := s.Catalog.Get(r.Context(), salvor.KindRestore, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	if phase := o.(*salvor.Restore).Status.Phase; !phase.Done() {
		return nil, salvor.Errorf(salvor.Conflict, "restore %q is %s", o.Meta().Name, phase).WithHint("cancel it first")
	}
	return s.deleteObject(r, salvor.KindRestore)
}
