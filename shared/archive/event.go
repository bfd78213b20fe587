package archive

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// EventType is what became known of a backup after its manifest was stored.
type EventType string

// The types. Readers pass over those that they don't know.
const (
	// EventSettled: the last snapshot is ready or given up; Phase and Volumes say how it ended.
	EventSettled EventType = "Settled"
	// EventHeld: somebody asked to keep the backup; retention leaves it alone.
	EventHeld EventType = "Held"
	// EventReleased: the hold is over.
	EventReleased EventType = "Released"
	// EventExpired: retention, or somebody, decided to delete the backup.
	EventExpired EventType = "Expired"
)

// Event is a file beside the manifest. Like that it is written once and never changed.
type Event struct {
	FormatVersion int `json:"formatVersion"`
	// ID is a ULID: events are in the order of their ids.
	ID   string           `json:"id"`
	Type EventType        `json:"type"`
	At   metav1.MicroTime `json:"at"`
	// By is who wrote it, for people.
	By string `json:"by,omitempty"`
	// Reason says why, in one sentence.
	Reason string `json:"reason,omitempty"`
	// Phase is the backup's from now on; empty: as it was.
	Phase salvor.Phase `json:"phase,omitempty"`
	// Volumes are those of the manifest of which more is known now, whole.
	Volumes []Volume `json:"volumes,omitempty"`
	// Failures are what is missing beside what the manifest names.
	Failures []salvor.Failure `json:"failures,omitempty"`
}

// NewEvent returns an event of that moment with an id of its own.
func NewEvent(t EventType, at metav1.MicroTime) Event {
	id := ulid.MustNew(ulid.Timestamp(at.Time), ulid.DefaultEntropy())
	return Event{FormatVersion: FormatVersion, ID: id.String(), Type: t, At: at}
}

// Encode returns the bytes to store.
func (e *Event) Encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding event %s: %w", e.ID, err)
	}
	return append(data, '\n'), nil
}

// DecodeEvent reads what Encode returned. Corrupt: it is not that; Invalid: a later format version.
func DecodeEvent(data []byte) (*Event, error) {
	e := &Event{}
	if err := json.Unmarshal(data, e); err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decoding event: %w", err)
	}
	if e.FormatVersion < 1 || e.FormatVersion > FormatVersion {
		return nil, salvor.Errorf(salvor.Invalid, "event %q has format version %d; this salvor reads 1 to %d", e.ID, e.FormatVersion, FormatVersion).
			WithHint("use a newer salvor")
	}
	return e, nil
}

// State is a backup as its manifest and its events tell it.
type State struct {
	Phase    salvor.Phase
	Volumes  []Volume
	Failures []salvor.Failure
	// DataConsistency is what the data is worth.
	DataConsistency salvor.DataConsistency
	// CompletedAt is when it ended: one that waited for snapshots when it settled.
	CompletedAt metav1.MicroTime
	// Held is the event of a hold that is not over; nil: nobody holds the backup.
	Held *Event
	// Expired is the event of its expiry; nil: it has not expired.
	Expired *Event
}

// Fold tells the state of a backup from its manifest and its events, in any order.
func Fold(m *Manifest, events []Event) State {
	s := State{Phase: m.Phase, Volumes: slices.Clone(m.Volumes), DataConsistency: m.DataConsistency, Failures: slices.Clone(m.Failures), CompletedAt: m.CompletedAt}
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.ID, b.ID) })
	own := SettledID(m)
	for i := range events {
		if e := &events[i]; e.Type != EventSettled || e.ID == own { // one of an earlier backup of the name may have been stored late
			s.apply(e)
		}
	}
	return s
}

func (s *State) apply(e *Event) {
	switch e.Type {
	case EventSettled:
		s.Phase, s.CompletedAt, s.Failures = e.Phase, e.At, append(s.Failures, e.Failures...)
		for _, v := range e.Volumes {
			if i := slices.IndexFunc(s.Volumes, func(o Volume) bool { return o.Namespace == v.Namespace && o.Claim == v.Claim }); i >= 0 {
				s.Volumes[i] = v
			}
		}
		s.DataConsistency = DataConsistency(s.Volumes)
	case EventHeld:
		s.Held = e
	case EventReleased:
		s.Held = nil
	case EventExpired:
		s.Expired = e
	}
}
