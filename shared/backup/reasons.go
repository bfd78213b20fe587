package backup

import (
	"context"
	"encoding/json"
	"fmt"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/salvor"
)

// reasons collects why each object was taken: NDJSON in the order of the backup's kinds. The nil reasons collects nothing.
type reasons struct{ lines spool }

func (r *reasons) add(o ScopeObject) error {
	if r == nil {
		return nil
	}
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encoding a reason: %w", err)
	}
	_, err = r.lines.Write(append(line, '\n'))
	return err
}

// storeReasons stores the reasons of a backup with a closure beside its manifest, which names them.
func (r *run) storeReasons(ctx context.Context) error {
	list := r.capture.reasons
	if list == nil {
		return nil
	}
	encoder, err := archive.NewEncoder()
	if err != nil {
		return err
	}
	data, err := encoder.Encode(&list.lines)
	if err != nil {
		return fmt.Errorf("storing the reasons: %w", err)
	}
	list.lines.free()
	name := archive.ReasonsName(r.record.epoch)
	digest, err := r.site.Repository.PutReport(ctx, r.name, name, data)
	if err != nil {
		return fmt.Errorf("storing the reasons: %w", err)
	}
	r.manifest.Reasons, r.manifest.ReasonsDigest = name, digest
	return nil
}

// Reference is one from an object of the backup to something that is not in it.
type Reference struct {
	// From and To are kind and name, such as "deployments.apps shop/web".
	From string `json:"from"`
	To   string `json:"to"`
	// What To would be of From, such as "env of".
	As string `json:"as"`
	// Reason says why it is not in the backup.
	Reason string `json:"reason"`
}

// References turns what a closure found into what a report says.
func references(list []closure.Dangling) []Reference {
	refs := make([]Reference, 0, len(list))
	for _, d := range list {
		refs = append(refs, Reference{From: d.From.String(), To: d.To.String(), As: d.Why, Reason: d.Reason})
	}
	return refs
}

// mostWarnings is how many references to nothing the manifest names; the report has all.
const mostWarnings = 50

// noteReferences names references that lead to nothing, and those that were not followed.
func (c *capture) noteReferences() {
	if !c.selection.Closes() {
		return
	}
	missing, outside := references(c.gathered.result.Missing), references(c.gathered.result.Outside)
	c.report.references(missing, outside)
	for i, m := range missing {
		if i == mostWarnings {
			c.warn("%d more references lead to nothing; the report names them", len(missing)-i)
			break
		}
		c.warn("%s, %s %s, does not exist", m.To, m.As, m.From)
	}
	if len(outside) > 0 {
		c.warn("%d references were not followed, such as that of %s to %s (%s); the report names all", len(outside), outside[0].From, outside[0].To, outside[0].Reason)
	}
}

// warn adds a warning to the manifest.
func (r *run) warn(format string, args ...any) {
	r.resultMu.Lock()
	defer r.resultMu.Unlock()
	r.manifest.Warnings = append(r.manifest.Warnings, fmt.Sprintf(format, args...))
}

// noteUnmatched names the words of the scope that matched nothing.
func (c *capture) noteUnmatched() {
	u := c.selection.Unmatched()
	for _, named := range u.Named {
		c.manifest.Failures = append(c.manifest.Failures, salvor.Failure{Objects: 1, Reason: fmt.Sprintf("object %q does not exist", named)})
	}
	if c.chosenObjects.Load() == 0 {
		return // that is said once for all
	}
	for _, p := range u.Patterns {
		c.warn("%s matches no object", p)
	}
}
