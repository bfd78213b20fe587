package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// collection is where a kind is listed.
type collection struct {
	kind           string // as resource.group
	path, resource string // path before /namespaces/…
	namespaced     bool
}

// collections asks an API server for each kind that can be listed, in the version it prefers.
func collections(ctx context.Context, client rest.Interface) ([]collection, error) {
	var groups metav1.APIGroupList
	if err := get(ctx, client, "/apis", &groups); err != nil {
		return nil, err
	}
	all, err := collectionsAt(ctx, client, "", "/api/v1")
	if err != nil {
		return nil, err
	}
	for _, g := range groups.Groups {
		more, err := collectionsAt(ctx, client, g.Name, "/apis/"+g.PreferredVersion.GroupVersion)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func collectionsAt(ctx context.Context, client rest.Interface, group, path string) ([]collection, error) {
	var list metav1.APIResourceList
	err := get(ctx, client, path, &list)
	if apierrors.IsNotFound(err) {
		return nil, nil // the group is just being removed
	}
	if err != nil {
		return nil, err
	}
	var found []collection
	for _, r := range list.APIResources {
		if !slices.Contains(r.Verbs, "list") {
			continue
		}
		c := collection{kind: r.Name, path: path, resource: r.Name, namespaced: r.Namespaced}
		if group != "" {
			c.kind += "." + group
		}
		found = append(found, c)
	}
	return found, nil
}

func get(ctx context.Context, client rest.Interface, path string, into any) error {
	data, err := client.Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decoding %s: %w", path, err)
	}
	return nil
}
