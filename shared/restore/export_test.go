package restore

import (
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
)

// For tests of the package.
var (
	Again      = again
	Deferrable = deferrable
	Denied     = denied
	ReasonOf   = reasonOf
	Fitting    = fitting
	Telling    = telling
)

// WaveOf is waveOf as a number.
var WaveOf = func(r cluster.Resource) int { return int(waveOf(r)) }

// UsesClaim is usesClaim.
var UsesClaim = usesClaim

// Class is a storage class of a target.
type Class struct {
	Name, Driver   string
	Waits, Default bool
}

// Choose finds the storage class for a volume of the class and driver, and says what is in the way.
func Choose(class, driver string, classes []Class) (chosen string, err error) {
	var list []storageClass
	for _, c := range classes {
		list = append(list, storageClass{c.Name, c.Driver, c.Waits, c.Default})
	}
	v := &Volume{StorageClass: class, Snapshot: &archive.Snapshot{Driver: driver}}
	err = v.choose(list)
	return v.StorageClass, err
}
