package dynamo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// key is the primary key of an item.
type key struct{ pk, sk string }

// maxSK is the longest sort key in bytes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxSK = 1024

func objectKey(kind, name string) key { return key{"kind#" + kind, name} }

func backupKey(id salvor.BackupID) key { return key{"backup#" + id.ClusterID, id.Name} }

// pkDays is the partition of the days that may have backups.
const pkDays = "days"

func dayPK(day string) string { return "day#" + day }
func goodPK(clusterID, namespace string) string {
	return "good#" + escape(clusterID) + " " + escape(namespace)
}
func heldPK(clusterID, namespace string) string {
	return "held#" + escape(clusterID) + " " + escape(namespace)
}
func partition(kind string, value string) string { return kind + "#" + escape(value) }

// dayOf returns the UTC day of a date in Unix microseconds.
func dayOf(micro int64) string { return time.UnixMicro(micro).UTC().Format(time.DateOnly) }

// indexKeys returns the keys of the backup's index items, those of the good ones included when good is set.
func indexKeys(b *salvor.Backup, good bool) []key {
	p := catalog.PositionOf(b)
	sk := place(p)
	keys := []key{
		{dayPK(dayOf(p.Micro)), sk},
		{partition("cluster", p.ClusterID), sk},
		{partition("name", p.Name), sk},
	}
	if b.Spec.Schedule != "" {
		keys = append(keys, key{partition("schedule", b.Spec.Schedule), sk})
	}
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(b.Status.Namespaces))) {
		keys = append(keys, key{partition("namespace", ns), sk}, key{heldPK(p.ClusterID, ns), sk})
		if good {
			keys = append(keys, key{goodPK(p.ClusterID, ns), sk})
		}
	}
	return keys
}

// dateDigits is the width of a date in a place: what is left to the end of the year 9999, in microseconds, hexadecimal.
const dateDigits = 15

// place writes a position so that bytewise order is the order of a search: the time left to the end of the year 9999,
// the cluster id, the name, with blanks between.
func place(p catalog.Position) string {
	return fmt.Sprintf("%0*x %s %s", dateDigits, catalog.MaxMicro-p.Micro, escape(p.ClusterID), escape(p.Name))
}

// parsePlace is the inverse of place.
func parsePlace(s string) (catalog.Position, error) {
	parts := strings.Split(s, " ")
	if len(parts) == 3 {
		left, err := strconv.ParseInt(parts[0], 16, 64)
		cluster, ok1 := unescape(parts[1])
		name, ok2 := unescape(parts[2])
		if err == nil && ok1 && ok2 {
			return catalog.Position{Micro: catalog.MaxMicro - left, ClusterID: cluster, Name: name}, nil
		}
	}
	return catalog.Position{}, salvor.Errorf(salvor.Corrupt, "the index item %q is not one of Salvor's", s)
}

// escape writes s without blanks, so that they can stand between parts of a key and come before everything in a part.
// The bytes up to '!' become '!' and the byte plus '@': order is kept. Names of DNS-1123 stay as they are.
func escape(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r <= '!' }) < 0 {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] <= '!' {
			b.WriteByte('!')
			b.WriteByte(s[i] + '@')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// unescape is the inverse of escape.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, "!") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '!':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] >= '@' && s[i+1] <= '!'+'@':
			i++
			b.WriteByte(s[i] - '@')
		default:
			return "", false
		}
	}
	return b.String(), true
}
