package repository

import (
	"context"
	"fmt"
	"strings"
)

// Stored is what there is of one backup, as keys tell.
type Stored struct {
	Backup string
	// Manifest says that there is one: without it there is no backup.
	Manifest bool
	// LastEvent is the id of the last event; empty: there is none.
	LastEvent string
	// Events is how many there are: of two clocks, a later event may have a smaller id.
	Events int
}

// Stored lists what there is of all backups, sorted by name, without reading any of it.
func (r *Repository) Stored(ctx context.Context) ([]Stored, error) {
	var all []Stored
	at := map[string]int{}
	for info, err := range r.loc.List(ctx, r.keys.Backups(), "") {
		if err != nil {
			return nil, fmt.Errorf("listing backups at %s: %w", r, err)
		}
		name, file, ok := strings.Cut(strings.TrimPrefix(info.Key, r.keys.Backups()), "/")
		if !ok {
			continue
		}
		i, seen := at[name]
		if !seen {
			i = len(all)
			at[name], all = i, append(all, Stored{Backup: name})
		}
		id, isEvent := strings.CutPrefix(info.Key, r.keys.Events(name))
		switch {
		case isEvent:
			all[i].Events++
			all[i].LastEvent = max(all[i].LastEvent, strings.TrimSuffix(id, ".json"))
		case info.Key == r.keys.Manifest(name) && file != "":
			all[i].Manifest = true
		}
	}
	return all, nil
}
