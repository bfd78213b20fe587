package dynamo

// Leftover and Patience are the times of the index.
const (
	Leftover = leftover
	Patience = patience
)

// Place, ParsePlace, Escape and Unescape are the parts of a key.
var (
	Place      = place
	ParsePlace = parsePlace
	Escape     = escape
	Unescape   = unescape
	Wrap       = wrap
)
