package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// right is one that the demo needs.
type right struct {
	Verb        string `json:"verb"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
}

// String names it as kubectl auth can-i takes it.
func (r right) String() string {
	s := r.Verb + " " + r.Resource
	if r.Group != "" {
		s += "." + r.Group
	}
	if r.Subresource != "" {
		s += "/" + r.Subresource
	}
	if r.Namespace != "" {
		s += " -n " + r.Namespace
	}
	return s
}

// kindsOfTheShop are what the application is made of, resources by group.
var kindsOfTheShop = map[string][]string{
	"":                          {"configmaps", "secrets", "serviceaccounts", "services"},
	"apps":                      {"deployments", "statefulsets"},
	"autoscaling":               {"horizontalpodautoscalers"},
	"batch":                     {"cronjobs"},
	"networking.k8s.io":         {"networkpolicies"},
	"policy":                    {"poddisruptionbudgets"},
	"rbac.authorization.k8s.io": {"roles", "rolebindings"},
}

// rights are all that the demo needs.
func rights(s shop) []right {
	list := []right{{Verb: "list", Group: "*", Resource: "*"}}
	add := func(group, resource, ns string) {
		for _, verb := range []string{"get", "list", "create", "update", "patch", "delete"} {
			list = append(list, right{Verb: verb, Group: group, Resource: resource, Namespace: ns})
		}
	}
	add("", "namespaces", "")
	add("apiextensions.k8s.io", "customresourcedefinitions", "")
	for _, ns := range s.all() {
		for group, resources := range kindsOfTheShop {
			for _, resource := range resources {
				add(group, resource, ns)
			}
		}
		add(s.group, "offers", ns)
	}
	for _, ns := range []string{s.db, s.web} {
		list = append(list, right{Verb: "get", Resource: "pods", Namespace: ns}, right{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: ns},
			right{Verb: "watch", Resource: "pods", Namespace: ns}, right{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: ns})
	}
	return list
}

// checkRights asks the API server for each right, before anything is done, and names all that are missing.
func (g *guest) checkRights(ctx context.Context, s shop) error {
	needed := rights(s)
	lacks := make([]bool, len(needed))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, r := range needed {
		group.Go(func() error {
			allowed, err := g.allowed(ctx, r)
			lacks[i] = !allowed
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var missing []string
	for i, r := range needed {
		if lacks[i] {
			missing = append(missing, r.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	const most = 12
	if more := len(missing) - most; more > 0 {
		missing = append(missing[:most], fmt.Sprintf("and %d more", more))
	}
	return errors.New("this identity lacks rights that the demo needs; nothing was changed. Missing, as kubectl auth can-i takes them:\n  " + strings.Join(missing, "\n  "))
}

func (g *guest) allowed(ctx context.Context, r right) (bool, error) {
	review := map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": map[string]any{"resourceAttributes": r}}
	body, err := json.Marshal(review)
	if err != nil {
		return false, err
	}
	data, err := g.client.Post().AbsPath("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").SetHeader("Content-Type", "application/json").Body(body).DoRaw(ctx)
	if err != nil {
		return false, fmt.Errorf("asking for the right to %s: %w", r, err)
	}
	var answer struct{ Status struct{ Allowed bool } }
	if err := json.Unmarshal(data, &answer); err != nil {
		return false, fmt.Errorf("asking for the right to %s: %w", r, err)
	}
	return answer.Status.Allowed, nil
}

func (g *guest) get(ctx context.Context, path string, into any) error {
	data, err := g.client.Get().RequestURI(path).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decoding %s: %w", path, err)
	}
	return nil
}
