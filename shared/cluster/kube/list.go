package kube

import (
	"context"
	"strconv"

	"salvor.io/salvor/shared/cluster"
)

// List reads one page and hands out its items as they arrive, holding one item at a time. When it returns an error,
// items may have been handed out already: asked again with the same request at a revision, the server returns the
// same items in the same order. An error of each ends the list and is returned as it is.
func (c *Client) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	req := c.rest.Get().AbsPath(r.Resource.Path(r.Namespace, ""))
	set := func(name, value string) {
		if value != "" {
			req.Param(name, value)
		}
	}
	set("labelSelector", r.LabelSelector)
	set("fieldSelector", r.FieldSelector)
	set("continue", r.Continue)
	if r.Limit > 0 {
		set("limit", strconv.Itoa(r.Limit))
	}
	if r.Revision != "" && r.Continue == "" {
		set("resourceVersion", r.Revision)
		set("resourceVersionMatch", "Exact")
	}
	body, err := req.Stream(ctx)
	if err != nil {
		return cluster.ListResult{}, err
	}
	defer body.Close()
	return readList(body, each)
}
