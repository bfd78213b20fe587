package sync

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

var invoked = regexp.MustCompile(`(?s)aws lambda invoke --function-name salvor-sync\s.*?--payload '([^']*)'`)

// What the documents have the sync function invoked with is an event of it, and names a location that can be made.
func TestTheDocsInvokeItRight(t *testing.T) {
	for _, page := range []string{"search.md", "deploy.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		found := invoked.FindAllSubmatch(text, -1)
		if len(found) != 1 {
			t.Errorf("docs/%s invokes it %d times", page, len(found))
		}
		for _, m := range found {
			var e Event
			d := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(m[1], []byte("BUCKET"), []byte("my-backups"))))
			d.DisallowUnknownFields()
			if err := d.Decode(&e); err != nil || e.Location == "" || e.Spec == nil {
				t.Errorf("docs/%s: %s: %+v, %v", page, m[1], e, err)
				continue
			}
			l := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
			l.Name, l.Spec = e.Location, *e.Spec
			l.Default()
			if err := salvor.Check(l); err != nil {
				t.Errorf("docs/%s: %s: %v", page, m[1], err)
			}
		}
	}
}
