package kube

import (
	"context"
	"encoding/json"
	"fmt"

	"salvor.io/salvor/shared/cluster"
)

// The kinds by which everybody may ask about themselves
// (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access).
var (
	selfReview   = cluster.Resource{Group: "authentication.k8s.io", Version: "v1", Name: "selfsubjectreviews", Kind: "SelfSubjectReview"}
	accessReview = cluster.Resource{Group: "authorization.k8s.io", Version: "v1", Name: "selfsubjectaccessreviews", Kind: "SelfSubjectAccessReview"}
)

// WhoAmI returns who the API server takes this client for. It is NotFound before Kubernetes 1.28.
func (c *Client) WhoAmI(ctx context.Context) (cluster.User, error) {
	var answer struct {
		Status struct {
			UserInfo struct {
				Username string   `json:"username"`
				Groups   []string `json:"groups"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	if err := c.review(ctx, selfReview, nil, &answer); err != nil {
		return cluster.User{}, fmt.Errorf("asking %s who is signed in: %w", c.Host(), err)
	}
	return cluster.User{Name: answer.Status.UserInfo.Username, Groups: answer.Status.UserInfo.Groups}, nil
}

// May reports whether this client is allowed the action.
func (c *Client) May(ctx context.Context, a cluster.Action) (bool, error) {
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	if err := c.review(ctx, accessReview, map[string]any{"resourceAttributes": a}, &answer); err != nil {
		return false, fmt.Errorf("asking %s whether this client may %s: %w", c.Host(), a, err)
	}
	return answer.Status.Allowed, nil
}

// review creates an object that is an answer, and is not stored.
func (c *Client) review(ctx context.Context, r cluster.Resource, spec, answer any) error {
	question := map[string]any{"apiVersion": r.APIVersion(), "kind": r.Kind}
	if spec != nil {
		question["spec"] = spec
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	data, err := c.Create(ctx, r, "", body)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, answer)
}
