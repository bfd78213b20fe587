// Package httpapi is Salvor's HTTP API: the same handler behind API Gateway and `salvor serve`. infra/openapi.yaml
// describes it, and tests hold the two together.
//
// Objects are JSON, as everywhere in Salvor. An ETag is an object's resource version. Errors are problems (RFC 9457).
// What takes long is begun and answered with 202 and where to look for it. Lists have pages of at most about a
// megabyte; next is the cursor of the next page.
//
// Who asks has been established before: the handler takes the caller from the request's context, and asks for no
// credentials itself.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Backups begins backups and knows what they owe, as *backup.Engine does.
type Backups interface {
	Begin(ctx context.Context, b *salvor.Backup) (recorded *salvor.Backup, created bool, err error)
	// Owing returns the backups that owe a thaw.
	Owing(ctx context.Context) ([]*salvor.Backup, error)
}

// Schedules begins runs of schedules by hand, as *backup.Schedules does.
type Schedules interface {
	Ask(ctx context.Context, name string, at time.Time, by string) (*backup.Fired, error)
}

// Restores begins restores, as *restore.Engine does.
type Restores interface {
	Begin(ctx context.Context, r *salvor.Restore) (recorded *salvor.Restore, created bool, err error)
}

// Server answers requests. A server that has only a Catalog searches and reads.
type Server struct {
	Catalog  catalog.Catalog
	Backups  Backups
	Restores Restores
	// Schedules begins runs by hand. Nil: there is no route for it.
	Schedules Schedules
	// WorkOnBackup makes sure that somebody works on a backup that was begun, is to be canceled or to be deleted; it does not
	// wait for that. WorkOnRestore likewise.
	WorkOnBackup  func(ctx context.Context, b *salvor.Backup) error
	WorkOnRestore func(ctx context.Context, r *salvor.Restore) error
	// Open, if set, opens the part of a named BackupLocation that belongs to the cluster, to look into backups.
	Open func(ctx context.Context, location, clusterID string) (*repository.Repository, error)
	// Sync, if set, lets somebody bring the catalog up to date with a location; it does not wait for that.
	Sync func(ctx context.Context, location string) error
	// Accept, if set, may refuse an object other than a Backup or a Restore before it is stored.
	Accept func(ctx context.Context, o salvor.Object) error
	// Changed, if set, is told after an object other than a Backup or a Restore was stored or deleted. Its error is the
	// request's: the caller repeats it, and it is told again, also when then the object is there or gone already.
	Changed func(ctx context.Context, kind, name string) error
	// Now is the clock, Log where unexpected errors go.
	Now func() time.Time
	Log *slog.Logger
}

// Handler returns the routes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.backupRoutes(mux)
	if s.Backups != nil {
		s.workRoutes(mux)
		for path, kind := range objectPaths {
			s.objectRoutes(mux, path, kind)
		}
		mux.Handle("POST /v1/locations/{name}/sync", s.answer(s.syncLocation))
	}
	mux.Handle("/", s.answer(func(*http.Request) (*reply, error) {
		return nil, salvor.Errorf(salvor.NotFound, "there is no such path").WithHint("infra/openapi.yaml lists those that there are")
	}))
	return s.guard(mux)
}

// maxBody is the largest request that is read, in bytes: the same as an object in the catalog may have.
const maxBody = 400 << 10

// guard ends what a handler must not do to the process, and sets what all answers have.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				s.Log.ErrorContext(r.Context(), "panic", "cause", cause, "method", r.Method, "path", r.URL.Path)
				s.problem(w, r, salvor.Errorf(salvor.Internal, "panic"))
			}
		}()
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

type callerKey struct{}

// WithCaller says who asks: an ARN, the subject of a token, or a user of this machine.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

type requestKey struct{}

// WithRequestID says which id the request has; the work that it begins carries it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// mark notes on work who asks for it, and by which request.
func mark(ctx context.Context, m *salvor.ObjectMeta) {
	m.RequestedBy, m.ResourceVersion = callerOf(ctx), ""
	id, _ := ctx.Value(requestKey{}).(string)
	m.RequestID(id)
}

// callerOf returns who asks.
func callerOf(ctx context.Context) string {
	caller, _ := ctx.Value(callerKey{}).(string)
	return caller
}
