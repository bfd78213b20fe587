package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
)

var configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}

// encode makes a segment of lines.
func encode(t *testing.T, lines string) (archive.Segment, []byte) {
	t.Helper()
	e, err := archive.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := e.Encode(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(lines))
	return archive.Segment{Namespace: "shop", Digest: hex.EncodeToString(sum[:]), Objects: int64(strings.Count(lines, "\n")),
		Bytes: int64(len(lines)), StoredBytes: int64(len(stored)), First: "c0", Last: "c2"}, stored
}
