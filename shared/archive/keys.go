package archive

import (
	"fmt"
	"strconv"
	"strings"
)

// Keys makes the keys of one cluster in a location, relative to the location's prefix.
type Keys struct{ ClusterID string }

// Owner is the file that says which catalog writes here.
func (k Keys) Owner() string { return k.ClusterID + "/owner.json" }

// Backups is the prefix of all backups.
func (k Keys) Backups() string { return k.ClusterID + "/backups/" }

// Manifest is the file that makes the backup exist.
func (k Keys) Manifest(backup string) string { return k.Backups() + backup + "/manifest.json" }

// Report holds rule output, failures and timings of a run of the backup, for failed runs too. Its name is that of ReportName.
func (k Keys) Report(backup, name string) string { return k.Backups() + backup + "/" + name }

// Events is the prefix of what became known of the backup after its manifest was stored.
func (k Keys) Events(backup string) string { return k.Backups() + backup + "/events/" }

// Event is one of them, by its id.
func (k Keys) Event(backup, id string) string { return k.Events(backup) + id + ".json" }

// ReportName is report.json for the first worker of a backup, report-2.json for the one that took over from it, and so on:
// nothing is ever overwritten.
func ReportName(epoch int64) string {
	if epoch <= 1 {
		return "report.json"
	}
	return fmt.Sprintf("report-%d.json", epoch)
}

// ReasonsName is the name of the reasons that a worker of a backup stored, as that of ReportName.
func ReasonsName(epoch int64) string {
	if epoch <= 1 {
		return "reasons.ndjson.zst"
	}
	return fmt.Sprintf("reasons-%d.ndjson.zst", epoch)
}

// Segments is the prefix of all segments.
func (k Keys) Segments() string { return k.ClusterID + "/segments/" }

// segmentSuffix follows the digest in a segment's key.
const segmentSuffix = ".ndjson.zst"

// Segment is the key of the segment with the digest (hex).
func (k Keys) Segment(digest string) string { return k.SegmentCopy(digest, 1) }

// SegmentCopy is the key of a copy of the segment. The first is the segment itself; others are stored only where that
// turned out to be damaged, since nothing is ever overwritten.
func (k Keys) SegmentCopy(digest string, number int) string {
	return k.Segments() + stem(digest, number) + segmentSuffix
}

func stem(digest string, number int) string {
	if number <= 1 {
		return digest
	}
	return fmt.Sprintf("%s.%d", digest, number)
}

// ParseSegment returns the digest and the number that a segment's key names, and false when it is not a segment's key.
func (k Keys) ParseSegment(key string) (digest string, number int, ok bool) {
	return parseStem(key, k.Segments(), segmentSuffix)
}

func parseStem(key, prefix, suffix string) (digest string, number int, ok bool) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return "", 0, false
	}
	if name, ok = strings.CutSuffix(name, suffix); !ok {
		return "", 0, false
	}
	digest, copied, isCopy := strings.Cut(name, ".")
	number = 1
	if isCopy {
		number, _ = strconv.Atoi(copied)
		ok = number > 1 && stem(digest, number) == name
	}
	return digest, number, ok && len(digest) == 64
}

// Damaged is the prefix of all marks of damage.
func (k Keys) Damaged() string { return k.ClusterID + "/damaged/" }

// damageSuffix follows the digest in the key of a mark.
const damageSuffix = ".json"

// Damage is the key of the mark that says that a copy of a segment is damaged.
func (k Keys) Damage(digest string, number int) string {
	return k.Damaged() + stem(digest, number) + damageSuffix
}

// ParseDamage returns the digest and the number that a mark's key names, and false when it is not a mark's key.
func (k Keys) ParseDamage(key string) (digest string, number int, ok bool) {
	return parseStem(key, k.Damaged(), damageSuffix)
}

// RestoreReport holds the outcome of every object of a restore into this cluster.
func (k Keys) RestoreReport(restore string) string {
	return k.ClusterID + "/restores/" + restore + "/outcomes.ndjson.zst"
}
