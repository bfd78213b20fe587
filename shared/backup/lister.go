package backup

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// maxSecondRevisions bounds how often one list may lose its revision to compaction.
const maxSecondRevisions = 5

// pageBytes is what a page shall have about: large enough that requests cost little, small for the API server.
const pageBytes = 2 << 20

// lister reads one kind, in one namespace or all, at one revision, page by page. What fails on the way is asked again;
// objects that were handed out are not handed out again.
type lister struct {
	*run
	resource  cluster.Resource
	namespace string
	selector  string
	revision  string

	limit    int
	token    string // continue token of the page being read
	inPage   int    // objects of this page that have arrived
	skip     int    // objects of this page to pass over, because they arrived before it broke off
	seen     string // key of the last object that arrived
	last     string // key of the last object handed out
	sorted   bool   // keys have ascended so far
	compared bool   // revision was lost: pass over keys up to last
	until    string // last, when the revision was lost
	lost     int
	// exceptions are what was not read at the revision, each from behind an object on, up to that of the next.
	exceptions []archive.Exception
}

func (r *run) lister(res cluster.Resource, namespace, revision string) *lister {
	return &lister{run: r, resource: res, namespace: namespace, revision: revision,
		limit: r.tuning.PageSize, sorted: true}
}

// each hands out all objects, in the server's order, once each.
func (l *lister) each(ctx context.Context, take func(cluster.Item) error) error {
	pause := l.backoff()
	for {
		before := l.last
		result, err := l.page(ctx, take)
		if err == nil {
			if err := l.checkRevision(result); err != nil || result.Continue == "" {
				return err
			}
			l.turn(result)
			pause = l.backoff()
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := l.recover(ctx, err, &pause, l.last != before); err != nil {
			return err
		}
	}
}

func (l *lister) page(ctx context.Context, take func(cluster.Item) error) (cluster.ListResult, error) {
	l.skip, l.inPage = l.inPage, 0
	req := cluster.ListRequest{Resource: l.resource, Namespace: l.namespace, LabelSelector: l.selector, Revision: l.revision,
		Continue: l.token, Limit: l.limit}
	if l.tuning.NoRevision {
		req.Revision = ""
	}
	failed := false
	result, err := l.site.Cluster.List(ctx, req, func(i cluster.Item) error {
		err := l.item(i, take)
		failed = failed || err != nil
		return err
	})
	if failed {
		err = &takeError{err}
	}
	l.inPage = max(l.inPage, l.skip)
	return result, err
}

// takeError is an error of the one who takes the objects; asking the server again would not help.
type takeError struct{ error }

func (e *takeError) Unwrap() error { return e.error }

// item hands out one object unless it was handed out before.
func (l *lister) item(i cluster.Item, take func(cluster.Item) error) error {
	l.inPage++
	key := i.Key()
	if l.inPage <= l.skip {
		if l.inPage == l.skip && key != l.seen {
			return fmt.Errorf("the server changed a page at one revision: %s where %s was before", key, l.seen)
		}
		return nil
	}
	l.seen = key
	if l.compared && key <= l.until {
		return nil
	}
	if key <= l.last && l.last != "" {
		l.sorted = false
	}
	if err := take(i); err != nil {
		return err
	}
	l.last = key
	return nil
}

// turn goes on to the next page, which shall have about pageBytes.
func (l *lister) turn(result cluster.ListResult) {
	l.token, l.inPage = result.Continue, 0
	if l.tuning.FixedPages || result.Items == 0 {
		return
	}
	size := max(result.Bytes/int64(result.Items), 1)
	l.limit = int(min(max(pageBytes/size, 10), 2000))
}

// recover decides what to do about an error: nil means ask again.
func (l *lister) recover(ctx context.Context, err error, pause *wait.Backoff, progress bool) error {
	if _, ok := err.(*takeError); ok {
		return err
	}
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return l.secondRevision(ctx, err)
	}
	if progress {
		*pause = l.backoff()
	}
	if !transient(err) || pause.Steps == 0 {
		return err
	}
	return l.sleep(ctx, pause, err)
}

// secondRevision reads what is still unread at a newer revision, since the first was compacted away.
func (l *lister) secondRevision(ctx context.Context, err error) error {
	if l.spec.Consistency == salvor.ConsistencyStrict {
		return salvor.Errorf(salvor.Gone, "revision %s was compacted away before %s was read: %w", l.revision, l.resource, err).
			WithHint("consistency: BestEffort reads the rest at a later revision and says so")
	}
	if l.lost++; l.lost > maxSecondRevisions || !l.sorted {
		return salvor.Errorf(salvor.Gone, "revision %s was compacted away before %s was read, again and again: %w", l.revision, l.resource, err)
	}
	revision, revErr := l.newestRevision(ctx)
	if revErr != nil {
		return fmt.Errorf("noting a second revision: %w", revErr)
	}
	l.except(revision, l.last, fmt.Sprintf("revision %s was compacted away before all was read", l.revision))
	l.revision, l.token, l.inPage, l.skip = revision, "", 0, 0
	l.compared, l.until = l.last != "", l.last
	return nil
}

func (l *lister) except(revision, after, reason string) {
	if n := len(l.exceptions); n > 0 && l.exceptions[n-1].After == after { // nothing was read at the one before
		l.exceptions = l.exceptions[:n-1]
	}
	l.exceptions = append(l.exceptions, archive.Exception{Kind: l.resource.String(), Namespace: l.namespace, Revision: revision, After: after, Reason: reason})
}

// excepted reports whether objects are known to be read at the revision, which is not that of the backup.
func (l *lister) excepted(revision string) bool {
	n := len(l.exceptions)
	return n > 0 && l.exceptions[n-1].Revision == revision
}

// checkRevision makes sure that the page is of the revision that was asked for.
func (l *lister) checkRevision(result cluster.ListResult) error {
	if l.revision == "" || l.tuning.NoRevision || result.Revision == l.revision || l.excepted(result.Revision) {
		return nil
	}
	if l.spec.Consistency == salvor.ConsistencyStrict {
		return salvor.Errorf(salvor.Gone, "%s answered at revision %q instead of %s", l.resource, result.Revision, l.revision).
			WithHint("its server keeps its own revisions; consistency: BestEffort accepts that and says so")
	}
	l.except(result.Revision, "", "its server keeps revisions of its own")
	return nil
}
