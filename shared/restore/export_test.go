package restore

import "salvor.io/salvor/shared/cluster"

// For tests of the package.
var (
	Again      = again
	Deferrable = deferrable
	Denied     = denied
	ReasonOf   = reasonOf
	Fitting    = fitting
)

// WaveOf is waveOf as a number.
var WaveOf = func(r cluster.Resource) int { return int(waveOf(r)) }
