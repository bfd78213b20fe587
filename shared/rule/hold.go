package rule

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Hold is a pre-exec rule whose background commands are up until it ends.
type Hold struct{ run *run }

// Report is what came of the rule so far; complete once End has returned.
func (h *Hold) Report() Report { return h.run.report }

// Lost returns an error when a background command is not up any more: what it held is not held. Whoever makes a cut asks
// once more when it is made.
func (h *Hold) Lost() error {
	var errs []error
	for _, b := range h.run.held {
		errs = append(errs, b.lost(h.run.Now()))
	}
	return first(errs)
}

// Failed are the namespaces of pods in which an action failed and was passed over, or a background command is not up any more.
func (h *Hold) Failed() []string {
	namespaces := h.run.report.failed()
	for _, b := range h.run.held {
		if b.gone(h.run.Now()) != nil && !slices.Contains(namespaces, b.target.Namespace) {
			namespaces = append(namespaces, b.target.Namespace)
		}
	}
	return namespaces
}

// End ends the background commands, also when ctx has ended, waits until what was left behind has ended too, and completes
// the report, with a warning for each that ended with an error. Unavailable: one may not have ended, and does so by itself
// later.
func (h *Hold) End(context.Context) (Report, error) {
	r := h.run
	errs := make([]error, len(r.held))
	var wait sync.WaitGroup
	for i, b := range r.held {
		wait.Go(func() { errs[i] = b.end(r) })
	}
	wait.Wait()
	for _, b := range r.held {
		if b.badly != nil {
			r.warn(b.badly.Error())
		}
	}
	time.Sleep(r.untilGone())
	return r.end(), first(errs)
}
