package watchdog

import (
	"bytes"
	"encoding/json"

	"salvor.io/salvor/functions/internal/wake"
	"salvor.io/salvor/shared/salvor"
)

// ask is what an event wants: a look at everything that is owed, at what waits for snapshots, or at one backup.
type ask struct {
	Sweep    bool `json:"sweep"`
	Settling bool `json:"settling"`
	wake.Call
}

// parse reads an event, or the body of a message. Invalid: it asks for nothing that is known.
func parse(raw []byte) (ask, error) {
	var a ask
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, salvor.Errorf(salvor.Invalid, "reading the event: %w", err).WithHint(known)
	}
	named := a.Backup.ClusterID != "" && a.Backup.Name != ""
	all := a.Sweep || a.Settling
	if all == named || a.Sweep && a.Settling || all && a.Call != (wake.Call{}) {
		return a, salvor.Errorf(salvor.Invalid, "the event asks for nothing that is known").WithHint(known)
	}
	return a, nil
}

const known = `send {"sweep":true}, {"settling":true} or {"thaw":{"clusterID":…,"name":…}}; the function's folder events/ has samples`
