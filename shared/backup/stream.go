package backup

import (
	"context"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// stream carries the objects of one list to where they go.
type stream struct {
	*capture
	ctx      context.Context
	resource cluster.Resource
	chooser  *selection.Chooser
	take     func(cluster.Item) bool // nil: all

	segments *segmenter
	done     []archive.Segment
	skipped  map[string]int64
	isLarge  bool
}

// sink is where objects go; end is called when there are no more.
type sink struct {
	item func(cluster.Item) error
	end  func() error
}

// read hands out the objects of a list to a sink.
func (s *stream) read(namespace string, to func(*stream) (sink, error)) error {
	into, err := to(s)
	if err != nil {
		return err
	}
	if s.skipped == nil {
		s.skipped = map[string]int64{}
	}
	exceptions, err := s.hand(namespace, into)
	if endErr := into.end(); err == nil {
		err = endErr
	}
	s.note(namespace, exceptions, err == nil)
	return err
}

// hand hands out the objects: of a list that an earlier worker has stored, from there.
func (s *stream) hand(namespace string, into sink) ([]archive.Exception, error) {
	if l := s.earlierLists[listKey{s.resource.String(), namespace}]; l != nil && s.segments != nil {
		return l.Exceptions, s.replay(l, into)
	}
	l := s.lister(s.resource, namespace, s.revisionOf(namespace))
	if s.resource.Namespaced {
		l.selector = s.selection.ServerSelector()
	}
	err := l.each(s.ctx, func(i cluster.Item) error {
		if s.take != nil && !s.take(i) {
			return nil
		}
		return into.item(i)
	})
	return l.exceptions, err
}

// chooses is a sink that stores what the scope chooses, and notes what that needs of objects without namespace.
func (c *capture) chooses(s *stream) (sink, error) {
	store, err := c.store(s)
	if err != nil {
		return sink{}, err
	}
	s.skipped = map[string]int64{}
	seeds := s.resource.Namespaced && c.selection.ClusterScoped() == salvor.ClusterScopedNeeded
	return sink{end: store.end, item: func(i cluster.Item) error {
		why := s.chooser.Chosen(i)
		if why == "" {
			return nil
		}
		s.chosenObjects.Add(1)
		if reason, _ := s.chooser.Left(i); reason != "" {
			s.skipped[reason]++
			return nil
		}
		if seeds {
			s.gathered.graph.Seed(s.resource, i)
		}
		return s.keep(store, i, why)
	}}, nil
}

// takes is a sink that stores whatever comes.
func (c *capture) takes(s *stream) (sink, error) {
	store, err := c.store(s)
	return sink{end: store.end, item: func(i cluster.Item) error { return s.keep(store, i, "a namespace of the backup") }}, err
}

// keep passes on an object that is taken.
func (s *stream) keep(to sink, i cluster.Item, why string) error {
	s.totals.objects.Add(1)
	s.totals.bytes.Add(int64(len(i.Raw)))
	if err := s.noteClaim(i); err != nil {
		return err
	}
	o := ScopeObject{Kind: s.resource.String(), Namespace: i.Namespace, Name: i.Name, Reason: why}
	if s.show != nil {
		s.show(o)
		return nil
	}
	if err := s.reasons.add(o); err != nil {
		return err
	}
	return to.item(i)
}

// store is a sink that cuts objects into segments and uploads them.
func (c *capture) store(s *stream) (sink, error) {
	var err error
	if s.segments, err = newSegmenter(s.resource, s.seal); err != nil {
		return sink{}, err
	}
	return sink{end: s.segments.flush, item: func(i cluster.Item) error {
		if err := s.segments.add(i); err != nil {
			return err
		}
		return s.waitLarge()
	}}, nil
}

// waitLarge lets only a few lists hold much at once. One that holds the right always comes to the end of its segment, so nobody waits for ever.
func (s *stream) waitLarge() error {
	if s.isLarge || s.segments.data == nil || s.segments.data.size < leastSegment {
		return nil
	}
	select {
	case s.large <- struct{}{}:
		s.isLarge = true
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

func (s *stream) seal(segment archive.Segment, data *spool) error {
	if s.isLarge {
		<-s.large
		s.isLarge = false
	}
	s.done = append(s.done, segment)
	s.totals.segments.Add(1)
	return s.uploads.put(segment, data)
}

// note adds what the stream did to the capture; whole says that it read its list to the end.
func (s *stream) note(namespace string, exceptions []archive.Exception, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if whole {
		s.finish(namespace, exceptions)
	}
	kind := s.resource.String()
	s.capture.segments[kind] = append(s.capture.segments[kind], s.done...)
	for reason, n := range s.skipped {
		s.excluded[archive.Excluded{Kind: kind, Reason: reason}] += n
	}
	s.manifest.Exceptions = append(s.manifest.Exceptions, exceptions...)
}
