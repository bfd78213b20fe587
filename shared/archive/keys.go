package archive

import (
	"fmt"
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

// ReportName is report.json for the first worker of a backup, report-2.json for the one that took over from it, and so on:
// nothing is ever overwritten.
func ReportName(epoch int64) string {
	if epoch <= 1 {
		return "report.json"
	}
	return fmt.Sprintf("report-%d.json", epoch)
}

// Segments is the prefix of all segments.
func (k Keys) Segments() string { return k.ClusterID + "/segments/" }

// segmentSuffix follows the digest in a segment's key.
const segmentSuffix = ".ndjson.zst"

// Segment is the key of the segment with the digest (hex).
func (k Keys) Segment(digest string) string { return k.Segments() + digest + segmentSuffix }

// SegmentDigest returns the digest that a segment's key names, and false when it is not a segment's key.
func (k Keys) SegmentDigest(key string) (string, bool) {
	digest, ok := strings.CutPrefix(key, k.Segments())
	if !ok {
		return "", false
	}
	digest, ok = strings.CutSuffix(digest, segmentSuffix)
	return digest, ok && len(digest) == 64
}

// RestoreReport holds the outcome of every object of a restore into this cluster.
func (k Keys) RestoreReport(restore string) string {
	return k.ClusterID + "/restores/" + restore + "/outcomes.ndjson.zst"
}
