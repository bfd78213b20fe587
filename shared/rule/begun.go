package rule

import (
	"context"

	"salvor.io/salvor/shared/salvor"
)

// pods is an ordered set.
type pods struct {
	list []salvor.PodRef
	has  map[salvor.PodRef]bool
}

func podsOf(list []salvor.PodRef) pods {
	var p pods
	for _, ref := range list {
		p.add(ref)
	}
	return p
}

func (p *pods) add(ref salvor.PodRef) {
	if p.has[ref] {
		return
	}
	if p.has == nil {
		p.has = map[salvor.PodRef]bool{}
	}
	p.has[ref] = true
	p.list = append(p.list, ref)
}

// without returns those that the other set lacks.
func (p *pods) without(other pods) []salvor.PodRef {
	var rest []salvor.PodRef
	for _, ref := range p.list {
		if !other.has[ref] {
			rest = append(rest, ref)
		}
	}
	return rest
}

// note adds what a sub-rule has chosen.
func (r *run) note(c Choice) {
	for _, targets := range c.Actions {
		for _, t := range targets {
			r.chosen.add(t.ref())
		}
	}
}

// begin says, before commands are sent to pods that had none yet, that these may be frozen from now on.
func (r *run) begin(ctx context.Context, targets []Target) error {
	if r.phase != PreExec {
		return nil
	}
	known := len(r.begun.list)
	for _, t := range targets {
		r.begun.add(t.ref())
	}
	if r.req.Begin == nil || len(r.begun.list) == known {
		return nil
	}
	return r.req.Begin(ctx, append([]salvor.PodRef(nil), r.begun.list...), r.chosen.without(r.begun))
}

// spares reports whether a pod was chosen before the cut and never sent anything.
func (r *run) spares(p salvor.PodRef) bool { return r.spared.has[p] }

// owes reports whether a pod may have been frozen before the cut.
func (r *run) owes(p salvor.PodRef) bool { return r.owed.has[p] }
