package backup

import (
	"context"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// stream carries the objects of one list into segments.
type stream struct {
	*capture
	ctx      context.Context
	resource cluster.Resource
	skipper  selection.Skipper
	take     func(cluster.Item) bool

	segments *segmenter
	done     []archive.Segment
	skipped  map[string]int64
	taken    int64
	isLarge  bool
}

func (s *stream) read(namespace string) (err error) {
	if s.segments, err = newSegmenter(s.resource, s.seal); err != nil {
		return err
	}
	s.skipped = map[string]int64{}
	l := s.lister(s.resource, namespace, s.revision)
	if !s.resource.Namespaced && s.selection.ClusterScoped() != salvor.ClusterScopedAll || s.resource.String() == "namespaces" {
		l.selector = "" // what is needed is taken by name, whatever its labels
	}
	err = l.each(s.ctx, s.item)
	if flushErr := s.segments.flush(); err == nil {
		err = flushErr
	}
	s.note(l.exception)
	return err
}

func (s *stream) item(i cluster.Item) error {
	if !s.take(i) {
		return nil
	}
	if reason := s.skipper.Skip(i); reason != "" {
		s.skipped[reason]++
		return nil
	}
	if s.taken == 0 {
		s.needs.AddKind(s.resource)
	}
	s.taken++
	s.needs.Add(s.resource, i)
	s.totals.objects.Add(1)
	s.totals.bytes.Add(int64(len(i.Raw)))
	if err := s.segments.add(i); err != nil {
		return err
	}
	return s.waitLarge()
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

// note adds what the stream did to the capture.
func (s *stream) note(exception *archive.Exception) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := s.resource.String()
	s.capture.segments[kind] = append(s.capture.segments[kind], s.done...)
	for reason, n := range s.skipped {
		s.excluded[archive.Excluded{Kind: kind, Reason: reason}] += n
	}
	if exception != nil {
		s.manifest.Exceptions = append(s.manifest.Exceptions, *exception)
	}
}
