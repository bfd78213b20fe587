package salvor

import "strings"

// kindNames are the ways to write each kind, in lower case: singular, plural, then short ones.
var kindNames = map[string][]string{
	KindCluster:        {"cluster", "clusters"},
	KindBackupLocation: {"backuplocation", "backuplocations", "location", "locations", "bl"},
	KindRule:           {"rule", "rules"},
	KindSchedulePolicy: {"schedulepolicy", "schedulepolicies", "policy", "policies", "sp"},
	KindBackupSchedule: {"backupschedule", "backupschedules", "schedule", "schedules", "bs"},
	KindBackup:         {"backup", "backups", "bk"},
	KindRestore:        {"restore", "restores", "rs"},
}

// ParseKind finds the kind that a user means by a singular, plural or short name, in upper or lower case.
// Invalid: there is none; the error lists those there are.
func ParseKind(s string) (string, error) {
	for kind, names := range kindNames {
		for _, n := range names {
			if strings.EqualFold(s, n) {
				return kind, nil
			}
		}
	}
	var known []string
	for _, kind := range Kinds() {
		known = append(known, Plural(kind))
	}
	return "", Errorf(Invalid, "unknown kind %q", s).WithHint("known are %s", strings.Join(known, ", "))
}

// Plural is a kind's name in paths and on the command line, such as backuplocations; "" for an unknown kind.
func Plural(kind string) string {
	if names := kindNames[kind]; names != nil {
		return names[1]
	}
	return ""
}
