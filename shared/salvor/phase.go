package salvor

// Phase is how far a Backup or a Restore has come.
type Phase string

// The phases. Quiescing, Capturing and Settling are a Backup's only; Restoring is a Restore's only.
const (
	// PhasePending: accepted, not begun.
	PhasePending Phase = "Pending"
	// PhaseQuiescing: pre-exec rules are running; the application may be frozen.
	PhaseQuiescing Phase = "Quiescing"
	// PhaseCapturing: objects are being read and stored; the application is running again.
	PhaseCapturing Phase = "Capturing"
	// PhaseSettling: objects are stored; volume snapshots are not ready yet.
	PhaseSettling Phase = "Settling"
	// PhaseRestoring: objects are being applied.
	PhaseRestoring Phase = "Restoring"
	// PhaseCompleted: everything that was asked for was done.
	PhaseCompleted Phase = "Completed"
	// PhasePartiallyFailed: usable, but something is missing; the status counts and names it.
	PhasePartiallyFailed Phase = "PartiallyFailed"
	// PhaseFailed: not usable; the status says why.
	PhaseFailed Phase = "Failed"
	// PhaseCanceled: somebody stopped it; not usable.
	PhaseCanceled Phase = "Canceled"
	// PhaseDeleting: its data is being removed.
	PhaseDeleting Phase = "Deleting"
)

// Phases lists every phase.
func Phases() []Phase {
	return []Phase{PhasePending, PhaseQuiescing, PhaseCapturing, PhaseSettling, PhaseRestoring,
		PhaseCompleted, PhasePartiallyFailed, PhaseFailed, PhaseCanceled, PhaseDeleting}
}

// Done reports whether nothing more will happen by itself.
func (p Phase) Done() bool {
	switch p {
	case PhaseCompleted, PhasePartiallyFailed, PhaseFailed, PhaseCanceled:
		return true
	}
	return false
}

// Good reports whether the whole of a backup in this phase can be restored.
func (p Phase) Good() bool { return p == PhaseCompleted }
