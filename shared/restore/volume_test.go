package restore_test

import (
	"strings"
	"testing"

	"salvor.io/salvor/shared/restore"
)

func TestWhatUsesAClaim(t *testing.T) {
	const volumes = `{"volumes":[{"name":"a","emptyDir":{}},{"name":"b","persistentVolumeClaim":{"claimName":"data"}}]}`
	set := `{"metadata":{"name":"db"},"spec":{"volumeClaimTemplates":[{"metadata":{"name":"data"}}]}}`
	for name, c := range map[string]struct {
		kind, raw, claim string
		uses             bool
	}{
		"a pod":                               {"pods", `{"spec":` + volumes + `}`, "data", true},
		"a pod of another claim":              {"pods", `{"spec":` + volumes + `}`, "dat", false},
		"a Deployment":                        {"deployments.apps", `{"spec":{"template":{"spec":` + volumes + `}}}`, "data", true},
		"a CronJob":                           {"cronjobs.batch", `{"spec":{"jobTemplate":{"spec":{"template":{"spec":` + volumes + `}}}}}`, "data", true},
		"a StatefulSet by its template":       {"statefulsets.apps", set, "data-db-12", true},
		"a StatefulSet of another name":       {"statefulsets.apps", set, "data-db2-1", false},
		"a claim that only looks like it":     {"statefulsets.apps", set, "data-db-x", false},
		"a claim without ordinal":             {"statefulsets.apps", set, "data-db-", false},
		"a kind that has no pods":             {"configmaps", `{"spec":` + volumes + `}`, "data", false},
		"a template that is not what it says": {"statefulsets.apps", `{"metadata":{"name":"db"},"spec":{"volumeClaimTemplates":7}}`, "data-db-0", false},
	} {
		if got := restore.UsesClaim(c.kind, []byte(c.raw), c.claim); got != c.uses {
			t.Errorf("%s: uses it: %t, want %t", name, got, c.uses)
		}
	}
}

func TestTheStorageClassOfAVolume(t *testing.T) {
	ebs := restore.Class{Name: "gp3", Driver: "ebs"}
	for name, c := range map[string]struct {
		class   string
		classes []restore.Class
		chosen  string
		problem string
	}{
		"its own":                         {"gp3", []restore.Class{ebs}, "gp3", ""},
		"one that is not there":           {"gp2", []restore.Class{ebs}, "gp2", `no StorageClass "gp2"`},
		"one of another driver":           {"efs", []restore.Class{ebs, {Name: "efs", Driver: "efs"}}, "efs", "is of efs, and the snapshot of ebs"},
		"none, and there is one":          {"", []restore.Class{ebs, {Name: "efs", Driver: "efs", Default: true}}, "gp3", ""},
		"none, and there are two":         {"", []restore.Class{ebs, {Name: "gp2", Driver: "ebs"}}, "", "it had no StorageClass"},
		"none, and one is the default":    {"", []restore.Class{{Name: "gp2", Driver: "ebs"}, {Name: "io2", Driver: "ebs", Default: true}}, "io2", ""},
		"none, and none is of the driver": {"", []restore.Class{{Name: "efs", Driver: "efs"}}, "", "it had no StorageClass"},
	} {
		chosen, err := restore.Choose(c.class, "ebs", c.classes)
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) || chosen != c.chosen {
			t.Errorf("%s: %q, %v; want %q, %s", name, chosen, err, c.chosen, c.problem)
		}
	}
}

func TestTheEventThatTellsWhyAVolumeIsNotMade(t *testing.T) {
	event := func(sort, at, message string) []byte {
		return []byte(`{"type":"` + sort + `","lastTimestamp":"` + at + `","message":"` + message + `"}`)
	}
	waits, refused := event("Normal", "2026-11-27T22:35:40Z", "waiting"), event("Warning", "2026-11-27T22:35:05Z", "no block volumes\\n")
	for want, events := range map[string][][]byte{
		"":                 nil,
		"waiting":          {event("Normal", "2026-11-27T22:35:01Z", "provisioning"), waits},
		"no block volumes": {event("Warning", "2026-11-27T22:35:01Z", "not bound"), refused, waits},
	} {
		if got := restore.Telling(events); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
