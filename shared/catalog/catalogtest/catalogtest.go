// Package catalogtest is the conformance suite of catalog.Catalog: what every implementation must do, tested only
// through the interface.
package catalogtest

import (
	"testing"

	"salvor.io/salvor/shared/catalog"
)

// Run runs the suite. open returns a catalog that is empty and this test's alone; it may register a cleanup.
func Run(t *testing.T, open func(t *testing.T) catalog.Catalog) {
	run(t, open, keeping)
	run(t, open, finding)
}

// RunFinding runs the part of the suite that is about searches.
func RunFinding(t *testing.T, open func(t *testing.T) catalog.Catalog) {
	run(t, open, finding)
}

type test struct {
	name string
	run  func(*testing.T, catalog.Catalog)
}

func run(t *testing.T, open func(t *testing.T) catalog.Catalog, tests []test) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

var keeping = []test{
	{"Objects/lives of an object", objectLife},
	{"Objects/every kind is kept as it is", objectKinds},
	{"Objects/a resource version never comes back", objectVersions},
	{"Objects/what can't be kept is refused", objectInvalid},
	{"Objects/list while objects come and go", objectListMoves},
	{"Objects/16 creators have one winner", objectCreateRace},
	{"Objects/16 deleters leave nothing", objectDeleteRace},
	{"Backups/life of a backup", backupLife},
	{"Backups/what can't be kept is refused", backupInvalid},
	{"Backups/16 creators have one winner", backupCreateRace},
	{"Backups/concurrent updates lose nothing", backupCounter},
	{"Backups/names with odd characters", backupNames},
	{"Backups/big ones", backupBig},
	{"Backups/an ended context", backupContext},
}

var finding = []test{
	{"Objects/list in pages by name", objectList},
	{"Search/each filter alone and combined", searchFilters},
	{"Search/From is inclusive, To exclusive", searchBounds},
	{"Search/newest first, ties by cluster and name", searchOrder},
	{"Search/fractions of a second and zones", searchFractions},
	{"Search/globs over names", searchGlobs},
	{"Search/label selectors", searchLabels},
	{"Search/limits", searchLimits},
	{"Search/what can't be understood is refused", searchInvalid},
	{"Search/cursors of other queries are refused", searchCursors},
	{"Search/pages stay right while backups come and go", searchMoves},
	{"Search/the date moves from creation to cut", searchDateMoves},
	{"Search/namespaces and schedule become known later", searchLater},
	{"Search/over many empty years", searchYears},
	{"Search/applications by the labels they were chosen by", searchApps},
	{"Count/by day, while backups change", countDays},
	{"NewestGood/ignores what is not good", newestPhases},
	{"NewestGood/at or before", newestBounds},
	{"NewestGood/only of its cluster and namespace", newestOthers},
	{"NewestGood/follows changes", newestChanges},
	{"Model/random operations", modelRandom},
	{"Model/random operations at the same time", modelStorm},
}
