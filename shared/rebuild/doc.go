// Package rebuild makes the catalog out of what locations hold, and exports into them what a catalog alone would know.
//
// A sync of a location imports every backup whose manifest the catalog lacks, with what its events tell; marks the backups
// of the catalog whose manifest is gone, and takes the mark away when it is back; imports rules, policies and schedules
// that the catalog lacks; and exports those of its own that the location lacks. Where nothing is missing it writes
// nothing. A backup that is being made or deleted meanwhile is left alone.
//
// What another catalog owns is imported too, as it is, and follows that catalog's events at each sync. Nothing is ever
// written there: a schedule that comes from another catalog is imported suspended.
package rebuild
