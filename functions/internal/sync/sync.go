// Package sync answers the events of the sync function.
package sync

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/salvor"
)

// Event is what the function is invoked with. An empty one means every location.
type Event struct {
	// Location is the one to sync; empty: all of them.
	Location string `json:"location,omitempty"`
	// Spec, if given, names the location first, where the catalog does not know it, as after it was lost.
	Spec *salvor.BackupLocationSpec `json:"spec,omitempty"`
	// Export is an object that was stored or deleted; nothing is synced then.
	Export *Object `json:"export,omitempty"`
}

// Object names an object.
type Object struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Syncer handles events.
type Syncer struct {
	*home.Home
	Engine *rebuild.Engine
}

// tallied is how many days back a sweep counts, for calendars.
const tallied = 400

// Handle handles one event and returns a report for each location; for records of a queue, which of them failed.
func (s *Syncer) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	if records, ok := event.Records(raw); ok {
		return s.records(ctx, records), nil
	}
	reports, err := s.one(ctx, raw)
	if err != nil {
		s.Log.ErrorContext(ctx, "event not done", "error", err)
	}
	return reports, err
}

func (s *Syncer) one(ctx context.Context, raw []byte) (map[string]*salvor.LocationSync, error) {
	var e Event
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading the event: %w", err).WithHint(`send {"location": "NAME"}, or {} for all locations`)
	}
	if e.Export != nil {
		return nil, s.Engine.Export(ctx, e.Export.Kind, e.Export.Name)
	}
	if e.Location != "" {
		if err := s.name(ctx, e); err != nil {
			return nil, err
		}
		report, err := s.sync(ctx, e.Location)
		return map[string]*salvor.LocationSync{e.Location: report}, err
	}
	reports, err := s.all(ctx)
	return reports, errors.Join(err, s.tally(ctx))
}

func (s *Syncer) sync(ctx context.Context, name string) (*salvor.LocationSync, error) {
	report, err := s.Engine.Sync(ctx, name)
	if report != nil {
		s.Log.InfoContext(ctx, "synced", "location", name, "manifests", report.Manifests, "imported", report.Imported, "gone", report.Gone,
			"unreadable", report.Unreadable, "message", report.Message)
	}
	if err != nil {
		err = fmt.Errorf("location %q: %w", name, err)
	}
	return report, err
}

// name makes the location that the event describes, unless there is one.
func (s *Syncer) name(ctx context.Context, e Event) error {
	if e.Spec == nil {
		return nil
	}
	l := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
	l.Name, l.Spec, l.CreationTimestamp = e.Location, *e.Spec, metav1.NewTime(s.Now())
	l.Default()
	if err := salvor.Check(l); err != nil {
		return err
	}
	err := s.Catalog.Create(ctx, l)
	if !salvor.Is(err, salvor.Exists) {
		return err
	}
	there, err := s.Catalog.Get(ctx, salvor.KindBackupLocation, e.Location)
	if err == nil && !salvor.Same(there.(*salvor.BackupLocation).Spec, l.Spec) {
		err = salvor.Errorf(salvor.Conflict, "location %q is another place", e.Location).WithHint("leave spec out, or take another name")
	}
	return err
}

// all syncs every location.
func (s *Syncer) all(ctx context.Context) (map[string]*salvor.LocationSync, error) {
	reports := map[string]*salvor.LocationSync{}
	var errs []error
	for cursor := ""; ; {
		items, next, err := s.Catalog.List(ctx, salvor.KindBackupLocation, cursor, catalog.MaxLimit)
		if err != nil {
			return reports, errors.Join(append(errs, err)...)
		}
		for _, o := range items {
			report, err := s.sync(ctx, o.Meta().Name)
			reports[o.Meta().Name] = report
			errs = append(errs, err)
		}
		if cursor = next; next == "" {
			return reports, errors.Join(errs...)
		}
	}
}

// tally counts the days that are over, as far as nobody has: the search function may not keep what it counts.
func (s *Syncer) tally(ctx context.Context) error {
	today := s.Now().UTC().Truncate(24 * time.Hour)
	var bounds []time.Time
	for back := tallied - 1; back >= 0; back-- {
		bounds = append(bounds, today.AddDate(0, 0, -back))
	}
	_, err := s.Catalog.Count(ctx, catalog.Query{}, bounds)
	return err
}
