package work

import (
	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/shared/salvor"
)

// Status tells the state machine what to do next.
type Status string

// The statuses.
const (
	// Done: it ended, in whole or in part.
	Done Status = "done"
	// Failed: it ended without a result.
	Failed Status = "failed"
	// Continue: time was up; the next invocation goes on.
	Continue Status = "continue"
	// Wait: another process works on it; look again after WaitSeconds.
	Wait Status = "wait"
	// Settle: its snapshots are not ready yet; look at them after WaitSeconds.
	Settle Status = "settle"
)

// Answer is what came of an ask, for the state machine and for people.
type Answer struct {
	event.Job
	Status  Status       `json:"status"`
	Phase   salvor.Phase `json:"phase,omitempty"`
	Message string       `json:"message,omitempty"`
	// WaitSeconds goes with Wait and Settle.
	WaitSeconds int `json:"waitSeconds"`
	// Epoch counts the processes that have worked on it so far.
	Epoch int64 `json:"epoch,omitempty"`
	// Origin is the request id of the invocation that recorded the work.
	Origin string `json:"originRequestID,omitempty"`
	// HandedOver: the state machine goes on with it.
	HandedOver bool `json:"handedOver,omitempty"`
}

// ended is the answer about work in its last phase.
func ended(phase salvor.Phase, message string, epoch int64) *Answer {
	a := &Answer{Status: Done, Phase: phase, Message: message, Epoch: epoch}
	if phase != salvor.PhaseCompleted && phase != salvor.PhasePartiallyFailed {
		a.Status = Failed
	}
	return a
}
