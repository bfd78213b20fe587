package closure

// Result is a closure.
type Result struct {
	// Demand is what has to be added before the closure is complete.
	Demand Demand
	// Missing are references of taken objects to such as do not exist.
	Missing []Dangling
	// Outside are references that were not followed, each with the reason.
	Outside []Dangling
	// Left are objects that were chosen or needed and are not stored, each with the reason.
	Left []LeftOut

	graph   *Graph
	taken   []how
	reasons []string
}

// Dangling is a reference that leads to nothing that is taken.
type Dangling struct {
	From, To ID
	// Why says what To would be of From, such as "env of".
	Why string
	// Reason says why it was not followed.
	Reason string
}

// LeftOut is an object that is not stored.
type LeftOut struct {
	ID ID
	// Reason says why it is not stored, Wanted what it was wanted for.
	Reason, Wanted string
	// Made: it is made again by what owns it, which was taken in its place.
	Made bool
}

// Takes reports whether the object is to be stored.
func (r *Result) Takes(n Node) bool { return r.taken[n] != not && !r.graph.nodes[n].made }

// Reason says why the object was taken; empty when it was not.
func (r *Result) Reason(n Node) string { return r.reasons[n] }
