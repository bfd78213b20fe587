package restore

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// maxFailures is how many failures a status names; the report holds all.
const maxFailures = 100

// tally counts outcomes, sums up failures, and writes the report: one outcome a line, compressed as it grows.
type tally struct {
	mu       sync.Mutex
	step     string
	done     int64
	total    int64
	outcomes map[salvor.Outcome]int64
	failures map[salvor.Failure]int64
	warnings []string
	damaged  int // segments
	volumes  salvor.RestoreVolumeCounts
	scaled   []salvor.ScaledWorkload
	missing  []string // namespaces

	report *bufio.Writer
	pipe   *io.PipeWriter
	stored chan encoded
}

type encoded struct {
	data []byte
	err  error
}

func newTally() (*tally, error) {
	encoder, err := archive.NewEncoder()
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	t := &tally{outcomes: map[salvor.Outcome]int64{}, failures: map[salvor.Failure]int64{},
		report: bufio.NewWriterSize(writer, 64<<10), pipe: writer, stored: make(chan encoded, 1)}
	go func() {
		data, err := encoder.Encode(reader)
		reader.CloseWithError(err)
		t.stored <- encoded{data, err}
	}()
	return t, nil
}

// add records the outcome of n objects; n is 1 but for a segment that could not be read.
func (t *tally) add(o salvor.ObjectOutcome, n int64) {
	line, err := json.Marshal(o)
	if err != nil {
		panic("encoding an outcome: " + err.Error()) // strings only: it always encodes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	t.outcomes[o.Outcome] += n
	if o.Outcome == salvor.OutcomeFailed {
		t.failures[salvor.Failure{Kind: o.Kind, Namespace: o.Namespace, Reason: general(o.Reason, o.Name)}] += n
	}
	// What goes wrong here comes back from close.
	_, _ = t.report.Write(append(line, '\n'))
}

// note writes a line that is no outcome into the report.
func (t *tally) note(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic("encoding a line of the report: " + err.Error()) // strings only: it always encodes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.report.Write(append(line, '\n')) // what goes wrong comes back from close
}

// general takes the object's own name out of a reason, so that the same failure of many objects is counted as one.
func general(reason, name string) string {
	if name == "" {
		return reason
	}
	return strings.ReplaceAll(reason, `"`+name+`"`, `"…"`)
}

// lack notes which namespaces the target lacked, sorted, and reports whether that is news.
func (t *tally) lack(namespaces []string) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	news = !slices.Equal(t.missing, namespaces)
	t.missing = namespaces
	return news
}

// damage counts a segment that is not as it was written.
func (t *tally) damage() {
	t.mu.Lock()
	t.damaged++
	t.mu.Unlock()
}

// pass counts an object that was looked at and isn't part of the restore.
func (t *tally) pass() {
	t.mu.Lock()
	t.done++
	t.mu.Unlock()
}

// volume counts what came of the data of a claim.
func (t *tally) volume(count func(*salvor.RestoreVolumeCounts)) {
	t.mu.Lock()
	count(&t.volumes)
	t.mu.Unlock()
}

func (t *tally) begin(step string) {
	t.mu.Lock()
	t.step = step
	t.mu.Unlock()
}

func (t *tally) expect(n int64) {
	t.mu.Lock()
	t.total += n
	t.mu.Unlock()
}

func (t *tally) warn(format string, args ...any) {
	t.mu.Lock()
	t.warnings = append(t.warnings, fmt.Sprintf(format, args...))
	t.mu.Unlock()
}

func (t *tally) progress() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Progress{Step: t.step, Done: t.done, Total: t.total, Outcomes: maps.Clone(t.outcomes)}
}

// fill writes the counts into a status.
func (t *tally) fill(s *salvor.RestoreStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Outcomes = maps.Clone(t.outcomes)
	s.Warnings = slices.Clone(t.warnings)
	s.DamagedSegments = t.damaged
	s.Volumes, s.ScaledDown, s.MissingNamespaces = t.volumes, slices.Clone(t.scaled), t.missing
	s.Failures = nil
	for f, n := range t.failures {
		f.Objects = n
		s.Failures = append(s.Failures, f)
	}
	slices.SortFunc(s.Failures, func(a, b salvor.Failure) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Reason, b.Reason))
	})
	if len(s.Failures) > maxFailures {
		s.Failures = s.Failures[:maxFailures]
	}
}

// close ends the report and returns its stored form.
func (t *tally) close() ([]byte, error) {
	t.mu.Lock()
	err := t.report.Flush()
	t.mu.Unlock()
	t.pipe.CloseWithError(err) // nil is the end of the report
	stored := <-t.stored
	if err == nil {
		err = stored.err
	}
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return stored.data, nil
}
