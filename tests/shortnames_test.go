package tests

import (
	"strings"
	"testing"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/lookup"
)

// An object is looked for by each short name that the API server has for a kind of its own. No test here defines others.
func TestShortNamesAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	tried := 0
	for line := range strings.Lines(source(t).Kubectl(t, "api-resources", "--namespaced", "--no-headers")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[0] == "events" { // no backup has events
			continue
		}
		group, version, ok := strings.Cut(fields[2], "/")
		if !ok {
			group, version = "", group
		}
		kind := cluster.Resource{Group: group, Version: version, Name: fields[0], Kind: fields[4], Namespaced: true}
		for short := range strings.SplitSeq(fields[1], ",") {
			if tried++; !(lookup.Object{Kind: short}).Is(kind) {
				t.Errorf("%s is not known as %s", short, kind)
			}
		}
	}
	if tried < 15 {
		t.Errorf("the server has only %d short names", tried)
	}
}
