package catalog

import (
	"cmp"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// The dates that a catalog keeps, as Unix microseconds: the years 1 to 9999, which RFC 3339 can write.
const (
	MinMicro int64 = -62135596800_000000
	MaxMicro int64 = 253402300799_999999
)

// Position is a backup's place in the order of every search: newest date first, then cluster id and name, ascending.
type Position struct {
	// Micro is the date in Unix microseconds.
	Micro           int64
	ClusterID, Name string
}

// PositionOf returns the backup's place. Its date is the one that storing it leaves: a cut has microseconds, a
// creation whole seconds.
func PositionOf(b *salvor.Backup) Position {
	date := b.Date().Truncate(time.Microsecond)
	if b.Status.CutAt.IsZero() {
		date = date.Truncate(time.Second)
	}
	return Position{Micro: date.UnixMicro(), ClusterID: b.Status.ClusterID, Name: b.Name}
}

// Place returns the position itself, for what embeds it.
func (p Position) Place() Position { return p }

// ID returns the identity of the backup at the position.
func (p Position) ID() salvor.BackupID {
	return salvor.BackupID{ClusterID: p.ClusterID, Name: p.Name}
}

// Compare is negative when p comes before q.
func (p Position) Compare(q Position) int {
	return cmp.Or(
		-cmp.Compare(p.Micro, q.Micro),
		cmp.Compare(p.ClusterID, q.ClusterID),
		cmp.Compare(p.Name, q.Name),
	)
}

// ceilMicro returns the first whole microsecond at or after t, within the dates that are kept.
func ceilMicro(t time.Time) int64 {
	m := t.UnixMicro()
	if t.Nanosecond()%1000 > 0 {
		m++
	}
	return min(max(m, MinMicro), MaxMicro+1)
}
