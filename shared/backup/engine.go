package backup

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Cluster is what the engine needs of a Kubernetes cluster.
type Cluster interface {
	Version(ctx context.Context) (string, error)
	UID(ctx context.Context) (string, error)
	Discover(ctx context.Context) (cluster.Discovery, error)
	// List hands out the items of one page; on an error some may have been handed out already.
	List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error)
}

// Rules runs rules in pods. Reports are kept with the backup, also when there is an error.
type Rules interface {
	// Freeze runs a rule before the cut. What it returns has to be ended, also when there is an error.
	Freeze(ctx context.Context, r RuleRequest) (Frozen, error)
	// Thaw runs a rule after the cut.
	Thaw(ctx context.Context, r RuleRequest) (RuleReport, error)
}

// RuleRequest is a rule to run, and where.
type RuleRequest struct {
	Rule       salvor.RuleSpec
	Namespaces []string
	// After is for Freeze what will run after the cut: what can't be done then is not begun.
	After salvor.RuleSpec
	// VeleroHooks also runs what annotations of pods ask for, of those that any of PodSelectors selects.
	VeleroHooks  bool
	PodSelectors []metav1.LabelSelector
	// MaxFreeze is how long the application may be held.
	MaxFreeze time.Duration
	// Begin is called before commands are sent in Freeze, with all pods that have been sent some from then on, and those that
	// were chosen and have not. An error stops the rule with nothing sent.
	Begin func(ctx context.Context, begun, spared []salvor.PodRef) error
	// GoOn is asked before each command is sent. An error: it is not sent.
	GoOn func(ctx context.Context) error
	// Begun and Spared are for Thaw what Begin was last told; nil, if that is not known.
	Begun, Spared []salvor.PodRef
}

// Frozen is an application that is held. Its zero value is one of which nothing has to be ended.
type Frozen struct {
	// Lost returns an error when what holds the application does so no more. Nil: nothing can be lost.
	Lost func() error
	// Failed are the namespaces of pods of which not all are held, because failures are passed over (onError: Continue). Nil: none.
	Failed func() []string
	// End ends commands that were up until the cut, also when ctx has ended, and returns the report. Nil: there is none.
	End func(ctx context.Context) (RuleReport, error)
}

// RuleReport is what one rule did in the pods.
type RuleReport struct {
	Phase string `json:"phase"`
	// Warnings are shown with the backup, such as that no pod was chosen.
	Warnings []string `json:"-"`
	// Report is encoded as JSON.
	Report any `json:"report"`
}

// Site is the cluster of one backup, and its rules: all that a thaw needs.
type Site struct {
	Cluster Cluster
	Rules   Rules
	// Volumes snapshots volumes. Nil: nobody does, and the data of each claim is missing.
	Volumes Volumes
}

// Catalog is what the engine needs of the catalog.
type Catalog interface {
	catalog.Backups
	Get(ctx context.Context, kind, name string) (salvor.Object, error)
	// Create, Update, List and Delete are for Freeze objects alone.
	Create(ctx context.Context, o salvor.Object) error
	Update(ctx context.Context, o salvor.Object) error
	List(ctx context.Context, kind, cursor string, limit int) (items []salvor.Object, next string, err error)
	Delete(ctx context.Context, kind, name, resourceVersion string) error
}

// Engine makes backups.
type Engine struct {
	Catalog Catalog
	// Open reaches the cluster that the backup names. It must not need the location: a thaw that is owed is run also when
	// that is gone.
	Open func(ctx context.Context, b *salvor.Backup) (*Site, error)
	// Store reaches the location that the backup names.
	Store func(ctx context.Context, b *salvor.Backup) (*repository.Repository, error)
	// Now is the clock.
	Now func() time.Time
	// Holder names this process in leases; it must differ from that of any other.
	Holder string
	// CatalogID is written into owner.json of each repository.
	CatalogID string
	// SalvorVersion is recorded in manifests.
	SalvorVersion string
	// Progress, if set, is told the status now and then, and at each step.
	Progress func(salvor.BackupStatus)
	// Wake, if set, is called when a thaw that is owed is written down, and before any command is sent: somebody has to look
	// at the backup at that time, when the lease of a worker that died has expired, and again as ThawDue says while a thaw is
	// owed. An error fails the backup before anything is frozen.
	Wake func(ctx context.Context, id salvor.BackupID, at time.Time) error
	// OnStep, if set, is called as each step begins.
	OnStep func(Step)
	// Tuning is for tests and benchmarks; its zero value is right.
	Tuning Tuning
}

// Tuning changes how the engine works, not what it does.
type Tuning struct {
	// LeaseTime is how long a lease lasts without renewal. Default one minute.
	LeaseTime time.Duration
	// Beat is how often the lease is renewed and the progress saved. Default five seconds.
	Beat time.Duration
	// Streams is how many lists are read at once. Default 8.
	Streams int
	// PageSize is the limit of the first page of each list. Default 500.
	PageSize int
	// FixedPages keeps PageSize for all pages instead of following the size of the objects.
	FixedPages bool
	// NoRevision reads each kind at its newest state instead of the capture revision. Only the test that proves what the revision is for sets it.
	NoRevision bool
	// TempDir holds what is read and may not be needed, encrypted, while a backup with a closure is made. Default: that of the system.
	TempDir string
	// LockWait is how long a backup waits for another that holds its application, LockPause the time between two looks.
	// Default five minutes, and one second.
	LockWait, LockPause time.Duration
	// RetryBase is the first pause after a failed request. Default 200 ms.
	RetryBase time.Duration
}

func (t Tuning) withDefaults() Tuning {
	if t.LeaseTime == 0 {
		t.LeaseTime = time.Minute
	}
	if t.Beat == 0 {
		t.Beat = 5 * time.Second
	}
	if t.Streams == 0 {
		t.Streams = 8
	}
	if t.PageSize == 0 {
		t.PageSize = 500
	}
	if t.LockWait == 0 {
		t.LockWait = lockWait
	}
	if t.LockPause == 0 {
		t.LockPause = lockPause
	}
	if t.RetryBase == 0 {
		t.RetryBase = 200 * time.Millisecond
	}
	return t
}

// Step is a part of a run that a killed process may end in.
type Step string

// The steps, in their order.
const (
	StepAcquire    Step = "acquire"  // take the lease
	StepConnect    Step = "connect"  // reach cluster and location, thaw what an earlier worker still owes
	StepPlan       Step = "plan"     // find kinds and namespaces
	StepVolumes    Step = "volumes"  // find volumes and what stands in the way of their snapshots
	StepPreExec    Step = "pre-exec" // write down the thaw that is owed, run the pre-exec rule
	StepCut        Step = "cut"      // note the capture revision, cut the volumes
	StepPostExec   Step = "post-exec"
	StepCapture    Step = "capture"    // read and store the objects
	StepCheckpoint Step = "checkpoint" // note how far the capture is, because the process has to end
	StepCheck      Step = "check"      // see that every segment is there
	StepReport     Step = "report"
	StepManifest   Step = "manifest" // from here on the backup exists
	StepCatalog    Step = "catalog"  // record what came of it
)

// Steps lists every step, in order.
func Steps() []Step {
	return []Step{StepAcquire, StepConnect, StepPlan, StepVolumes, StepPreExec, StepCut, StepPostExec, StepCapture, StepCheck, StepReport, StepManifest, StepCatalog}
}
