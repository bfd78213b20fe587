package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Engine rebuilds a catalog.
type Engine struct {
	Catalog catalog.Catalog
	// Open opens a location.
	Open func(ctx context.Context, l *salvor.BackupLocation) (location.Location, error)
	// CatalogID is the catalog's id in owner.json.
	CatalogID string
	// Now is the clock.
	Now func() time.Time
	// Imported, if set, is told of an object other than a Backup that was imported.
	Imported func(ctx context.Context, kind, name string) error
}

// Sync brings the catalog up to date with the named location, goes on after what can't be read, and notes in the
// location's status how it went. The report is there with an error too.
func (e *Engine) Sync(ctx context.Context, name string) (*salvor.LocationSync, error) {
	o, err := e.Catalog.Get(ctx, salvor.KindBackupLocation, name)
	if err != nil {
		return nil, err
	}
	l := o.(*salvor.BackupLocation)
	report := &salvor.LocationSync{StartedAt: metav1.NewTime(e.Now())}
	if l.Status.Sync != nil {
		report.Complete = l.Status.Sync.Complete
	}
	err = e.sync(ctx, l, report)
	report.CompletedAt = metav1.NewTime(e.Now())
	if err != nil {
		report.Message = short(err.Error())
	} else {
		report.Complete = report.StartedAt
	}
	return report, errors.Join(err, e.note(context.WithoutCancel(ctx), name, report))
}

func (e *Engine) sync(ctx context.Context, l *salvor.BackupLocation, report *salvor.LocationSync) error {
	loc, err := e.Open(ctx, l)
	if err != nil {
		return err
	}
	var errs []error
	mine, others := 0, 0
	for dir, err := range loc.Dirs(ctx, "") {
		if err != nil {
			return fmt.Errorf("location %q: listing clusters: %w", l.Name, err)
		}
		p := part{engine: e, location: l.Name, repo: repository.New(loc, clusterOf(dir)), report: report}
		is, err := p.sync(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("location %q: cluster %q: %w", l.Name, clusterOf(dir), err))
		}
		switch is {
		case owned:
			mine++
		case foreign:
			others++
			report.Foreign = append(report.Foreign, clusterOf(dir))
		}
	}
	s := settings{engine: e, loc: loc, report: report}
	if err := s.read(ctx); err != nil {
		return errors.Join(some(errs), fmt.Errorf("location %q: %w", l.Name, err))
	}
	imported := s.importAll(ctx)
	if mine > 0 || others == 0 { // a place where only others write is not written to
		return errors.Join(some(errs), imported, s.exportAll(ctx))
	}
	return errors.Join(some(errs), imported)
}

// How much of what went wrong is named: of a bucket that lets nothing be read, that may be every backup, and the location
// that the catalog keeps must not become too large for it.
const (
	mostNamed  = 20
	maxMessage = 4 << 10
)

// some joins the first of the errors, and says how many more there are.
func some(errs []error) error {
	if more := len(errs) - mostNamed; more > 1 {
		errs = append(slices.Clone(errs[:mostNamed]), fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

// short is the beginning of a text that is too long.
func short(s string) string {
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + " …"
	}
	return s
}

// note keeps the report in the location's status.
func (e *Engine) note(ctx context.Context, name string, report *salvor.LocationSync) error {
	for {
		o, err := e.Catalog.Get(ctx, salvor.KindBackupLocation, name)
		if err != nil {
			return err
		}
		l := o.(*salvor.BackupLocation)
		l.Status.Sync = report
		if err = e.Catalog.Update(ctx, l); !salvor.Is(err, salvor.Conflict) {
			return err
		}
	}
}
