package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// settings are the rules, policies and schedules at one location.
type settings struct {
	engine *Engine
	loc    location.Location
	report *salvor.LocationSync

	mine   map[object]string   // the key of our last export
	others map[object][]string // those of other catalogs, oldest first
}

type object struct{ kind, name string }

func (s *settings) read(ctx context.Context) error {
	keys, err := repository.SettingKeys(ctx, s.loc)
	if err != nil {
		return err
	}
	s.mine, s.others = map[object]string{}, map[object][]string{}
	mark := archive.CatalogMark(s.engine.CatalogID)
	for key, k := range keys {
		o := object{k.Kind, k.Name}
		if k.Mark == mark {
			s.mine[o] = key
		} else {
			s.others[o] = append(s.others[o], key)
		}
	}
	for _, list := range s.others {
		slices.SortFunc(list, func(a, b string) int { return strings.Compare(a, b) }) // of one object, by id
	}
	return nil
}

// importAll imports what the catalog lacks: its own last state; of what it never exported, the newest of others.
func (s *settings) importAll(ctx context.Context) error {
	var errs []error
	for _, k := range archive.SettingKinds {
		found := map[string]string{}
		for o, list := range s.others {
			if o.kind == k.Kind {
				found[o.name] = list[len(list)-1]
			}
		}
		for o, key := range s.mine {
			if o.kind == k.Kind {
				found[o.name] = key
			}
		}
		for name, key := range found {
			if err := s.importOne(ctx, k.Kind, name, key); err != nil {
				s.report.Unreadable++
				errs = append(errs, fmt.Errorf("%s %q: %w", k.Kind, name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (s *settings) importOne(ctx context.Context, kind, name, key string) error {
	if _, err := s.engine.Catalog.Get(ctx, kind, name); !salvor.Is(err, salvor.NotFound) {
		return err // it is there: the catalog's own goes before what was exported
	}
	exported, err := repository.Setting(ctx, s.loc, key)
	if err != nil || exported.Deleted {
		return err
	}
	// Of what this catalog has exported, a complete sync has left nothing out: what it lacks by now was deleted since, and
	// that could not be exported.
	if exported.Catalog == s.engine.CatalogID && exported.At.Time.Before(s.report.Complete.Time) {
		return s.export(ctx, kind, name, nil)
	}
	o, err := catalog.Decode(kind, name, exported.Object)
	if err != nil {
		return err
	}
	o.Meta().Name, o.Meta().ResourceVersion = name, ""
	if b, ok := o.(*salvor.BackupSchedule); ok {
		b.Status.Since = metav1.NewTime(s.engine.Now()) // it has missed nothing until now
		if exported.Catalog != s.engine.CatalogID {
			b.Spec.Suspend = true // its own catalog runs it
		}
	}
	if errs := o.Validate(); len(errs) > 0 {
		return salvor.Errorf(salvor.Invalid, "what was exported is not accepted any more: %w", errs.ToAggregate())
	}
	err = s.engine.Catalog.Create(ctx, o)
	if salvor.Is(err, salvor.Exists) {
		return nil
	}
	if err != nil {
		return err
	}
	s.report.SettingsImported++
	if s.engine.Imported == nil {
		return nil
	}
	return s.engine.Imported(ctx, kind, name)
}

// exportAll exports what the location lacks of the catalog's objects, and that those are gone which it has too many.
func (s *settings) exportAll(ctx context.Context) error {
	var errs []error
	for _, k := range archive.SettingKinds {
		for cursor := ""; ; {
			items, next, err := s.engine.Catalog.List(ctx, k.Kind, cursor, catalog.MaxLimit)
			if err != nil {
				return errors.Join(append(errs, err)...)
			}
			for _, o := range items {
				errs = append(errs, s.export(ctx, k.Kind, o.Meta().Name, o))
			}
			if cursor = next; next == "" {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// export exports the state of one object; nil: it was deleted. Where the last export says the same, nothing is written.
func (s *settings) export(ctx context.Context, kind, name string, o salvor.Object) error {
	var now json.RawMessage
	var err error
	if o != nil {
		if now, err = bare(o); err != nil {
			return err
		}
	}
	key, exported := s.mine[object{kind, name}]
	if !exported && o == nil {
		return nil
	}
	if exported {
		last, err := repository.Setting(ctx, s.loc, key)
		if err == nil && last.Deleted == (o == nil) && salvor.Same(last.Object, now) {
			return nil
		}
		if err != nil && !salvor.Is(err, salvor.Corrupt) {
			return err
		}
	}
	err = repository.PutSetting(ctx, s.loc, archive.NewSetting(s.engine.CatalogID, kind, name, now, metav1.NewMicroTime(s.engine.Now())))
	if err == nil {
		s.report.SettingsExported++
	}
	return err
}

// bare is the object without its status and its resource version.
func bare(o salvor.Object) (json.RawMessage, error) {
	data, err := catalog.Encode(o, "")
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("encoding %s %q: %w", o.GetKind(), o.Meta().Name, err)
	}
	delete(fields, "status")
	return json.Marshal(fields)
}
