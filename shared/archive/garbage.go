package archive

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// MinGrace is the shortest time from a mark until what it names may go. A backup stores its manifest within half of it
// after it has looked for marks a last time.
const MinGrace = 2 * time.Hour

// Garbage is a mark: segments that no manifest referred to. It is written once, and removed when all of them are gone or
// turned out to be in use. Whoever makes a backup takes what is marked as if it were not there; one that began before the
// mark may use it until half of the time is over. So every manifest that refers to it is there before Until.
type Garbage struct {
	FormatVersion int `json:"formatVersion"`
	// At is when the segments were found to be unused, Until the time before which none of them goes.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
	// Segments are the copies of segments that are meant.
	Segments []GarbageCopy `json:"segments"`
}

// GarbageCopy is one copy of a segment, not one that is stored under its key later.
type GarbageCopy struct {
	Digest string `json:"digest"`
	// Copy is the number of the copy; 0 is the first.
	Copy int `json:"copy,omitempty"`
	// StoredAt is when the location says that it was stored.
	StoredAt time.Time `json:"storedAt"`
}

// Usable reports whether a backup that began before the mark may still rely on what it names.
func (g *Garbage) Usable(now time.Time) bool { return now.Before(g.At.Add(g.Until.Sub(g.At) / 2)) }

// EncodeGarbage returns the bytes of a mark.
func EncodeGarbage(g *Garbage) ([]byte, error) {
	g.FormatVersion = FormatVersion
	data, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("encoding a mark of unused segments: %w", err)
	}
	return append(data, '\n'), nil
}

// DecodeGarbage reads a mark. Corrupt: it is none; Invalid: a later format version than this program reads.
func DecodeGarbage(data []byte) (*Garbage, error) {
	g := &Garbage{}
	if err := json.Unmarshal(data, g); err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decoding a mark of unused segments: %w", err)
	}
	if g.FormatVersion < 1 || g.FormatVersion > FormatVersion {
		return nil, salvor.Errorf(salvor.Invalid, "a mark of unused segments has format version %d; this salvor reads 1 to %d", g.FormatVersion, FormatVersion).
			WithHint("use a newer salvor")
	}
	if g.At.IsZero() || g.Until.Sub(g.At) < MinGrace {
		return nil, salvor.Errorf(salvor.Corrupt, "a mark of unused segments gives them from %s until %s, less than %s", g.At, g.Until, MinGrace)
	}
	return g, nil
}

// Garbage is the prefix of all marks of unused segments.
func (k Keys) Garbage() string { return k.ClusterID + "/garbage/" }

// GarbageMark is the key of the mark of that time.
func (k Keys) GarbageMark(at time.Time) string {
	return k.Garbage() + strings.ToLower(at.UTC().Format("20060102T150405.000000Z")) + ".json"
}
