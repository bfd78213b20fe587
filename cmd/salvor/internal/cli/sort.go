package cli

import (
	"cmp"
	"slices"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// The orders of what is found.
const (
	orderDate    = "date"
	orderName    = "name"
	orderCluster = "cluster"
	orderPhase   = "phase"
	orderObjects = "objects"
	orderSize    = "size"
)

var orders = []string{orderDate, orderName, orderCluster, orderPhase, orderObjects, orderSize}

// sortFound sorts what was found, which is in the order of the date already.
func sortFound(found []salvor.Object, order string) {
	key, down := strings.CutPrefix(order, "-")
	if key == orderDate {
		return
	}
	slices.SortStableFunc(found, func(x, y salvor.Object) int {
		a, b := x.(*salvor.Backup), y.(*salvor.Backup)
		if down {
			a, b = b, a
		}
		switch key {
		case orderCluster:
			return cmp.Compare(a.Status.ClusterID, b.Status.ClusterID)
		case orderPhase:
			return cmp.Compare(a.Status.Phase, b.Status.Phase)
		case orderObjects:
			return cmp.Compare(a.Status.Progress.Objects, b.Status.Progress.Objects)
		case orderSize:
			return cmp.Compare(a.Status.Progress.Bytes, b.Status.Progress.Bytes)
		}
		return cmp.Compare(a.Name, b.Name)
	})
}
