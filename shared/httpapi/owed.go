package httpapi

import (
	"context"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// unowed returns Conflict when an application of the cluster may be frozen: without the Cluster nobody could let it go on.
func (s *Server) unowed(ctx context.Context, kind, name string) error {
	if kind != salvor.KindCluster {
		return nil
	}
	owing, err := s.Backups.Owing(ctx)
	if err != nil {
		return err
	}
	for _, b := range owing {
		if b.Spec.Cluster == name {
			return salvor.Errorf(salvor.Conflict, "backup %q owes a thaw to %s", b.Name, strings.Join(b.Status.Thaw.Namespaces, ", ")).
				WithHint("wait until it is paid, or let the application go on by hand and delete the backup")
		}
	}
	return nil
}

// meansAnother reports whether the name of a Cluster would stand for another cluster.
func meansAnother(o, was salvor.Object) bool {
	c, ok := o.(*salvor.Cluster)
	if !ok {
		return false
	}
	old := was.(*salvor.Cluster)
	return c.ID() != old.ID() || (c.Spec.EKS == nil) != (old.Spec.EKS == nil) || c.Spec.EKS != nil && c.Spec.EKS.ARN != old.Spec.EKS.ARN
}
