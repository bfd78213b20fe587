package expiry

import (
	"bytes"
	"encoding/json"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/shared/salvor"
)

// ask is what an event wants: to expire backups by their policies, to look for what nobody uses any more, or to delete one
// backup.
type ask struct {
	Expire  bool `json:"expire"`
	Collect bool `json:"collect"`
	// Job is Delete, of the backup that the rest names.
	Job string `json:"job"`
	salvor.BackupID
}

const known = `send {"expire":true}, {"collect":true}, or {"job":"Delete","clusterID":…,"name":…}; the function's folder events/ has samples`

// parse reads an event. Invalid: it asks for nothing that is known, or for several things.
func parse(raw []byte) (ask, error) {
	var a ask
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, salvor.Errorf(salvor.Invalid, "reading the event: %w", err).WithHint(known)
	}
	named := a.ClusterID != "" && a.Name != ""
	wanted := 0
	for _, is := range []bool{a.Expire, a.Collect, a.Job == event.KindDelete && named} {
		if is {
			wanted++
		}
	}
	if wanted != 1 || (a.Expire || a.Collect) && (a.Job != "" || a.BackupID != salvor.BackupID{}) {
		return a, salvor.Errorf(salvor.Invalid, "the event asks for nothing that is known").WithHint(known)
	}
	return a, nil
}
