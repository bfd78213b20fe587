package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
)

// DryUpdate returns what Update would make of the object, admission included, and changes nothing
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run).
func (c *Client) DryUpdate(ctx context.Context, r cluster.Resource, namespace, name string, body []byte) ([]byte, error) {
	return send(ctx, change(c.rest.Put().Body(body)).Param("dryRun", metav1.DryRunAll), r, namespace, name)
}
