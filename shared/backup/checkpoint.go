package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// checkpoint is how far a capture was when its process had to end: what was cut, the lists that were read to their end,
// and the segments that are stored. It lies beside the manifest, in a file of its own for each worker.
type checkpoint struct {
	Revision string           `json:"revision"`
	CutAt    metav1.MicroTime `json:"cutAt"`
	// Groups are the namespaces that were cut by themselves.
	Groups []archive.Exception `json:"groups,omitempty"`
	// Namespaces as they were at the revision, of AllNamespaces that the cluster had. Nil: they were not read yet.
	Namespaces    *selection.Namespaces `json:"namespaces,omitempty"`
	AllNamespaces int                   `json:"allNamespaces,omitempty"`
	// Volumes are those of the scope, as they were cut.
	Volumes []archive.Volume `json:"volumes,omitempty"`
	// Freezes are how long what was held was.
	Freezes []salvor.FreezeTime `json:"freezes,omitempty"`
	// Warnings, Steps and Rules are those of the workers so far.
	Warnings []string     `json:"warnings,omitempty"`
	Steps    []StepTiming `json:"steps,omitempty"`
	Rules    []RuleReport `json:"rules,omitempty"`
	Cuts     []CutTiming  `json:"cuts,omitempty"`
	Lists    []listed     `json:"lists,omitempty"`
	// Stored are the copies of segments, by digest, and Uploaded how many of them this backup brought, of so many bytes.
	Stored        map[string]repository.Copy `json:"stored,omitempty"`
	Uploaded      int64                      `json:"uploaded,omitempty"`
	UploadedBytes int64                      `json:"uploadedBytes,omitempty"`
}

// listed is a list that was read to its end and stored.
type listed struct {
	Kind       string              `json:"kind"`
	Namespace  string              `json:"namespace,omitempty"`
	Segments   []archive.Segment   `json:"segments,omitempty"`
	Excluded   map[string]int64    `json:"excluded,omitempty"`
	Exceptions []archive.Exception `json:"exceptions,omitempty"`
}

// listKey tells lists apart.
type listKey struct{ kind, namespace string }

func checkpointName(epoch int64) string { return fmt.Sprintf("checkpoint-%d.json", epoch) }

// storeCheckpoint stores how far the capture is and returns the file's name, "" when nothing was cut yet.
func (r *run) storeCheckpoint(ctx context.Context) (string, error) {
	if !r.quiet || r.site.Repository == nil {
		return "", nil
	}
	r.report.step(StepCheckpoint, r.Now())
	p := &checkpoint{Revision: r.manifest.Revision, CutAt: r.manifest.CutAt, Groups: r.groups, Namespaces: r.settled, AllNamespaces: r.allNamespaces,
		Volumes: r.volumes, Cuts: r.report.r.Cuts, Freezes: r.freezeTimes(), Warnings: r.ruleWarnings, Steps: r.report.r.Steps, Rules: r.report.r.Rules}
	if r.capture != nil {
		p.Stored, p.Uploaded, p.UploadedBytes = r.capture.uploads.stored()
		p.Lists = slices.DeleteFunc(r.capture.finished, func(l listed) bool {
			return slices.ContainsFunc(l.Segments, func(s archive.Segment) bool { return p.Stored[s.Digest].Size == 0 })
		})
	}
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encoding a checkpoint: %w", err)
	}
	name := checkpointName(r.record.epoch)
	_, err = r.site.Repository.PutReport(ctx, r.name, name, append(data, '\n'))
	return name, err
}

// goOn takes up the capture where an earlier worker left it; false when none has cut anything.
func (r *run) goOn(ctx context.Context) (bool, error) {
	name := r.begun.Status.Checkpoint
	if name == "" {
		return false, nil
	}
	data, err := r.site.Repository.Report(ctx, r.name, name, "")
	if err != nil {
		return false, fmt.Errorf("reading how far the capture is: %w", err)
	}
	p := &checkpoint{}
	if err := json.Unmarshal(data, p); err != nil {
		return false, salvor.Errorf(salvor.Corrupt, "decoding %s of backup %q: %w", name, r.name, err)
	}
	r.resumed, r.quiet = p, true
	r.manifest.Revision, r.manifest.CutAt = p.Revision, p.CutAt
	for _, group := range p.Groups {
		r.apart(group)
	}
	r.times, r.ruleWarnings = p.Freezes, p.Warnings
	r.volumes, r.report.r.Cuts = p.Volumes, p.Cuts
	r.manifest.Warnings = append(r.manifest.Warnings, p.Warnings...)
	r.report.earlier(p.Steps, p.Rules)
	return true, nil
}

// lists are those that an earlier worker read to their end.
func (p *checkpoint) lists() map[listKey]*listed {
	found := map[listKey]*listed{}
	if p != nil {
		for i := range p.Lists {
			l := &p.Lists[i]
			found[listKey{l.Kind, l.Namespace}] = l
		}
	}
	return found
}

// replay hands out the objects of a list that an earlier worker has stored, from there.
func (s *stream) replay(l *listed, into sink) error {
	for _, segment := range l.Segments {
		data, err := s.site.Repository.SegmentCopy(s.ctx, segment, s.uploads.copyOf(segment.Digest).Number)
		if err != nil {
			return &takeError{err}
		}
		for line := range archive.Lines(data) {
			if err := into.item(itemOf(segment.Namespace, line)); err != nil {
				return err
			}
		}
	}
	for reason, n := range l.Excluded {
		s.skipped[reason] += n
		s.chosenObjects.Add(n)
	}
	return nil
}

// itemOf is a stored object as a list hands it out.
func itemOf(namespace string, line []byte) cluster.Item {
	name, _ := rawjson.Unquote(rawjson.Get(line, "metadata", "name")) // it was read before, when it was stored
	return cluster.Item{Namespace: namespace, Name: name, HasType: true, Raw: line}
}

// finish notes that the stream's list was read to its end, if it was stored as it was read.
func (s *stream) finish(namespace string, exceptions []archive.Exception) {
	if s.segments == nil || s.uploads == nil {
		return
	}
	s.finished = append(s.finished, listed{Kind: s.resource.String(), Namespace: namespace, Segments: s.done,
		Excluded: maps.Clone(s.skipped), Exceptions: exceptions})
}

// stored are the copies that are known to be there, and what of them this backup has brought.
func (u *uploader) stored() (copies map[string]repository.Copy, segments, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	copies = map[string]repository.Copy{}
	for digest, c := range u.claimed {
		if c.Size > 0 {
			copies[digest] = c
		}
	}
	return copies, u.segments.Load(), u.bytes.Load()
}

// restore takes over what an earlier worker has stored.
func (u *uploader) restore(p *checkpoint) {
	if p == nil {
		return
	}
	maps.Copy(u.claimed, p.Stored)
	u.segments.Store(p.Uploaded)
	u.bytes.Store(p.UploadedBytes)
}
