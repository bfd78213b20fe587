package backup

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// cut returns the capture revision: that of one consistent list. Any list will do, for a resourceVersion is an etcd
// revision; namespaces are few, and where the role may not list them another kind serves.
func (r *run) cut(ctx context.Context) (string, error) {
	revision, err := r.newestRevision(ctx)
	if err != nil {
		return "", fmt.Errorf("noting the capture revision: %w", err)
	}
	cutAt := metav1.NewMicroTime(r.Now())
	r.manifest.Revision, r.manifest.CutAt = revision, cutAt
	return revision, r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.CutAt, s.Revision, s.Namespaces = cutAt, revision, r.namespaces
	})
}

func (r *run) newestRevision(ctx context.Context) (string, error) {
	ask := func(res cluster.Resource, namespace string) (string, error) {
		var result cluster.ListResult
		err := r.retry(ctx, func() (err error) {
			req := cluster.ListRequest{Resource: res, Namespace: namespace, Limit: 1}
			result, err = r.site.Cluster.List(ctx, req, func(cluster.Item) error { return nil })
			return err
		})
		return result.Revision, err
	}
	revision, err := ask(namespaceKind, "")
	if !apierrors.IsForbidden(err) {
		return revision, err
	}
	for _, res := range r.kinds {
		if !res.Namespaced || len(r.namespaces) == 0 {
			continue
		}
		if revision, kindErr := ask(res, r.namespaces[0]); kindErr == nil {
			return revision, nil
		}
	}
	return "", err
}

// revisionOf is the revision at which a namespace is read; "" stands for all and for none.
func (c *capture) revisionOf(namespace string) string {
	if own := c.revisions[namespace]; own != "" {
		return own
	}
	return c.revision
}
