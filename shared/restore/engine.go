package restore

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Target is what the engine needs of the cluster it restores into. Objects are JSON. Errors of the API server are
// *errors.StatusError of apimachinery; of any other error of Create it is not known whether the object was created.
type Target interface {
	Discover(ctx context.Context) (cluster.Discovery, error)
	List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error)
	Get(ctx context.Context, r cluster.Resource, namespace, name string) ([]byte, error)
	Create(ctx context.Context, r cluster.Resource, namespace string, body []byte) ([]byte, error)
	Update(ctx context.Context, r cluster.Resource, namespace, name string, body []byte, subresource ...string) ([]byte, error)
	Patch(ctx context.Context, r cluster.Resource, namespace, name string, kind types.PatchType, body []byte, subresource ...string) ([]byte, error)
	// Delete begins to delete the object; it may stay for a time.
	Delete(ctx context.Context, r cluster.Resource, namespace, name string, o cluster.DeleteOptions) error
	// DryUpdate returns what Update would make of the object, and changes nothing.
	DryUpdate(ctx context.Context, r cluster.Resource, namespace, name string, body []byte) ([]byte, error)
}

// Catalog is what the engine needs of the catalog.
type Catalog interface {
	catalog.Objects
	GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error)
	Search(ctx context.Context, q catalog.Query) (catalog.Page, error)
	NewestGood(ctx context.Context, clusterID, namespace string, at time.Time) (*salvor.Backup, error)
}

// Engine restores.
type Engine struct {
	Catalog Catalog
	// Open returns the repository of the cluster (by its id) at the location (by its name).
	Open func(ctx context.Context, location, clusterID string) (*repository.Repository, error)
	// Connect signs in to the cluster (by its name).
	Connect func(ctx context.Context, cluster string) (Target, error)
	// Now is the clock.
	Now func() time.Time
	// Holder names this process in leases, and no other; empty: nobody else can work on the same restore.
	Holder string
	// CatalogID is what repository.Claim is told before the outcomes are stored in the target's repository.
	CatalogID string
	// Progress, if set, is told how far the restore is, about once a second.
	Progress func(Progress)
	// Tuning is for tests and benchmarks; its zero value is right.
	Tuning Tuning
}

// Progress is how far a restore has come.
type Progress struct {
	// Step says what is being done, for people.
	Step string
	// Done objects of Total have their outcome. Total counts what the chosen segments hold.
	Done, Total int64
	Outcomes    map[salvor.Outcome]int64
}

// Tuning changes how the engine works, not what it does.
type Tuning struct {
	// Workers apply objects at once. Default 16.
	Workers int
	// Streams are segments read at once. Default 6.
	Streams int
	// Memory bounds the bytes of segments held at once. Default 16 MiB; one segment is always held.
	Memory int64
	// InFlight bounds the bytes of objects being applied at once. Default 4 MiB; one object always is.
	InFlight int64
	// Beat is how often progress is told and a cancel looked for; every fifth beat is saved. Default one second.
	Beat time.Duration
	// RetryBase is the first pause after a failed request; later ones double up to 5 s. Default 200 ms.
	RetryBase time.Duration
	// Patience is how long a target that does not answer is asked again before the restore gives up. Default 2 min.
	Patience time.Duration
	// Attempt bounds one request. Default 90 s: an API server ends its own after 60.
	Attempt time.Duration
	// Terminating is how long a namespace of the target that is being deleted is waited for. Default 2 min.
	Terminating time.Duration
	// Definitions is how long a new kind is waited for until it is served. Default 1 min.
	Definitions time.Duration
	// Second is how long what was deferred is tried again. Default 1 min.
	Second time.Duration
	// Poll is the first pause between two looks at volumes that are being made; later ones double up to 8 times as much.
	// Default 500 ms.
	Poll time.Duration
	// Consumer is how long a pod is waited for that uses a claim whose volume is made only then. Default 30 s.
	Consumer time.Duration
	// Unready is how long a snapshot may say that it can't be used before it is believed. Default 1 min.
	Unready time.Duration
}

func (t Tuning) withDefaults() Tuning {
	setDefault(&t.Workers, 16)
	setDefault(&t.Streams, 6)
	setDefault(&t.Memory, 16<<20)
	setDefault(&t.InFlight, 4<<20)
	setDefault(&t.Beat, time.Second)
	setDefault(&t.RetryBase, 200*time.Millisecond)
	setDefault(&t.Patience, 2*time.Minute)
	setDefault(&t.Attempt, 90*time.Second)
	setDefault(&t.Terminating, 2*time.Minute)
	setDefault(&t.Definitions, time.Minute)
	setDefault(&t.Second, time.Minute)
	setDefault(&t.Poll, 500*time.Millisecond)
	setDefault(&t.Consumer, 30*time.Second)
	setDefault(&t.Unready, time.Minute)
	return t
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
