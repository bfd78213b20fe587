package backup

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Report is the content of report.json: how the run went, for people.
type Report struct {
	Backup  string `json:"backup"`
	Cluster string `json:"cluster"`
	// Error is why the run failed; empty when it did not.
	Error string       `json:"error,omitempty"`
	Steps []StepTiming `json:"steps"`
	Rules []RuleReport `json:"rules,omitempty"`
	// Freezes are what was held together and for how long, in the order in which it began.
	Freezes []salvor.FreezeTime `json:"freezes,omitempty"`
	// Cuts are how long the snapshots of volumes took to be cut, in the order in which that ended.
	Cuts []CutTiming `json:"cuts,omitempty"`
	// Volumes are what became of the data of claims.
	Volumes []archive.Volume `json:"volumes,omitempty"`
	// Retries counts requests to the cluster that were repeated, by reason.
	Retries  map[string]int   `json:"retries,omitempty"`
	Failures []salvor.Failure `json:"failures,omitempty"`
	// NotFollowed are references of the objects to what is not in the backup, Missing those to what does not exist; only of
	// a backup with a closure.
	NotFollowed []Reference      `json:"notFollowed,omitempty"`
	Missing     []Reference      `json:"missing,omitempty"`
	EndedAt     metav1.MicroTime `json:"endedAt"`
}

// StepTiming is one step and how long it took.
type StepTiming struct {
	Step     Step             `json:"step"`
	Began    metav1.MicroTime `json:"began"`
	Duration metav1.Duration  `json:"duration"`
}

// CutTiming is one cut of the volumes that were held together, and how long it took until all were created and until all were cut.
type CutTiming struct {
	Began   metav1.MicroTime `json:"began"`
	Volumes int              `json:"volumes"`
	Created metav1.Duration  `json:"created"`
	Cut     metav1.Duration  `json:"cut"`
}

// report collects what becomes a Report.
type report struct {
	mu  sync.Mutex
	run *run
	r   Report
}

func (p *report) init(r *run) {
	p.run = r
	p.r = Report{Backup: r.name, Cluster: r.record.id.ClusterID, Retries: map[string]int{}}
}

func (p *report) step(s Step, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStep(now)
	p.r.Steps = append(p.r.Steps, StepTiming{Step: s, Began: metav1.NewMicroTime(now)})
}

func (p *report) endStep(now time.Time) {
	if n := len(p.r.Steps); n > 0 {
		last := &p.r.Steps[n-1]
		last.Duration.Duration = now.Sub(last.Began.Time)
	}
}

// earlier puts the steps and rules of the workers before this one first.
func (p *report) earlier(steps []StepTiming, rules []RuleReport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.r.Steps = append(slices.Clone(steps), p.r.Steps...)
	p.r.Rules = append(slices.Clone(rules), p.r.Rules...)
}

func (p *report) rule(phase string, out RuleReport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out.Phase = phase
	p.r.Rules = append(p.r.Rules, out)
}

func (p *report) cut(began time.Time, t volume.Timing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.r.Cuts = append(p.r.Cuts, CutTiming{Began: metav1.NewMicroTime(began), Volumes: t.Volumes,
		Created: metav1.Duration{Duration: t.Created}, Cut: metav1.Duration{Duration: t.Cut}})
}

func (p *report) references(missing, notFollowed []Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.r.Missing, p.r.NotFollowed = missing, notFollowed
}

func (p *report) retried(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.r.Retries[err.Error()]++
}

// encode ends the report.
func (p *report) encode(now time.Time, err error) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStep(now)
	p.r.EndedAt = metav1.NewMicroTime(now)
	p.r.Failures, p.r.Freezes, p.r.Volumes = p.run.manifest.Failures, p.run.freezeTimes(), p.run.manifest.Volumes
	if err != nil {
		p.r.Error = err.Error()
	}
	data, encodeErr := json.Marshal(p.r)
	if encodeErr != nil { // a rule's report is the only part that could bring it about
		data, _ = json.Marshal(Report{Backup: p.r.Backup, Cluster: p.r.Cluster, Error: p.r.Error + " (the report could not be encoded: " + encodeErr.Error() + ")"})
	}
	return append(data, '\n')
}

// storeReport keeps the report of a failed run where it can: the run has its error already.
func (r *run) storeReport(ctx context.Context, err error) {
	name := archive.ReportName(r.record.epoch)
	if _, storeErr := r.site.Repository.PutReport(ctx, r.name, name, r.report.encode(r.Now(), err)); storeErr != nil {
		r.manifest.Warnings = append(r.manifest.Warnings, "the report could not be stored: "+storeErr.Error())
	}
}
