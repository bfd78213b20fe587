package archive_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

func eventAt(second int, t archive.EventType) archive.Event {
	return archive.NewEvent(t, metav1.NewMicroTime(time.Date(2026, 11, 22, 12, 0, second, 0, time.UTC)))
}

func TestAnEventReadsBackAsItWasWritten(t *testing.T) {
	e := eventAt(1, archive.EventSettled)
	e.By, e.Reason, e.Phase = "me", "why", salvor.PhasePartiallyFailed
	e.Volumes = []archive.Volume{{Namespace: "shop", Claim: "data", State: archive.VolumeFailed, Reason: "gone"}}
	e.Failures = []salvor.Failure{{Kind: "persistentvolumeclaims", Namespace: "shop", Objects: 1, Reason: "gone"}}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := archive.DecodeEvent(data)
	if err != nil {
		t.Fatal(err)
	}
	e.At, back.At = metav1.MicroTime{}, metav1.MicroTime{} // the zone of a parsed time is another value
	if diff := cmp.Diff(e, *back); diff != "" {
		t.Error(diff)
	}
}

func TestEventsOfLaterFormatsAndTornOnesAreRefused(t *testing.T) {
	if _, err := archive.DecodeEvent([]byte(`{"formatVersion":99,"id":"x"}`)); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a later format: %v", err)
	}
	if _, err := archive.DecodeEvent([]byte(`{"formatVersion":1`)); !salvor.Is(err, salvor.Corrupt) {
		t.Errorf("a torn event: %v", err)
	}
}

func TestFoldingDoesNotDependOnTheOrderOfEvents(t *testing.T) {
	cut := archive.Volume{Namespace: "shop", Claim: "data", State: archive.VolumeCut, Snapshot: &archive.Snapshot{Handle: "snap-1"}}
	ready := cut
	ready.State = archive.VolumeReady
	m := &archive.Manifest{Phase: salvor.PhaseSettling, Volumes: []archive.Volume{cut, {Namespace: "shop", Claim: "log", State: archive.VolumeSkipped}}}
	settled, again := archive.SettledEvent(m, metav1.NewMicroTime(time.Unix(1, 0))), eventAt(2, archive.EventSettled)
	settled.Phase, settled.Volumes = salvor.PhaseCompleted, []archive.Volume{ready}
	again.Phase, again.Volumes = salvor.PhasePartiallyFailed, []archive.Volume{cut}
	held, released, heldAgain := eventAt(3, archive.EventHeld), eventAt(4, archive.EventReleased), eventAt(5, archive.EventHeld)
	events := []archive.Event{settled, again, held, released, heldAgain}
	for range len(events) {
		events = append(events[1:], events[0])
		s := archive.Fold(m, events)
		if s.Phase != salvor.PhaseCompleted || s.Volumes[0].State != archive.VolumeReady || s.Volumes[1].State != archive.VolumeSkipped {
			t.Errorf("settled by an earlier backup of the name, too: got %+v", s)
		}
		if s.Held == nil || s.Held.ID != heldAgain.ID {
			t.Errorf("held by %+v, want the last", s.Held)
		}
	}
	if s := archive.Fold(m, nil); s.Phase != salvor.PhaseSettling || s.Held != nil || s.Expired != nil {
		t.Errorf("without events: %+v", s)
	}
	if m.Volumes[0].State != archive.VolumeCut {
		t.Error("folding changed the manifest")
	}
}

func TestTheWorstVolumeSaysWhatTheDataIsWorth(t *testing.T) {
	inside, outside := &archive.Snapshot{Inside: true}, &archive.Snapshot{}
	for want, volumes := range map[salvor.DataConsistency][]archive.Volume{
		salvor.ObjectsOnly:           {{State: archive.VolumeSkipped}, {State: archive.VolumeFailed}, {State: archive.VolumeFailed, Snapshot: inside}},
		salvor.ApplicationConsistent: {{State: archive.VolumeSkipped}, {State: archive.VolumeCut, Snapshot: inside}},
		salvor.CrashConsistent:       {{State: archive.VolumeCut, Snapshot: inside}, {State: archive.VolumeCut, Snapshot: outside}},
	} {
		if got := archive.DataConsistency(volumes); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	seed := eventAt(1, archive.EventHeld)
	data, err := seed.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := archive.DecodeEvent(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("an event that was read can't be written: %v", err)
		}
		if _, err := archive.DecodeEvent(again); err != nil {
			t.Errorf("what was written can't be read: %v", err)
		}
	})
}
