package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// aggregatedDiscovery is answered since Kubernetes 1.26 with all kinds of /api or /apis at once
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery).
const aggregatedDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

// groupList is the part of APIGroupDiscoveryList that is needed.
type groupList struct {
	Kind  string `json:"kind"`
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Versions []struct {
			Version   string `json:"version"`
			Freshness string `json:"freshness"`
			Resources []struct {
				Resource     string `json:"resource"`
				ResponseKind struct {
					Kind string `json:"kind"`
				} `json:"responseKind"`
				Scope string   `json:"scope"`
				Verbs []string `json:"verbs"`
			} `json:"resources"`
		} `json:"versions"`
	} `json:"items"`
}

// Discover returns what the API server serves, each resource once, in the version that the server prefers.
func (c *Client) Discover(ctx context.Context) (cluster.Discovery, error) {
	var d cluster.Discovery
	for _, path := range []string{"/api", "/apis"} {
		data, err := do(ctx, c.rest.Get().AbsPath(path).SetHeader("Accept", aggregatedDiscovery))
		if err != nil {
			return d, fmt.Errorf("discovering what %s serves: %w", c.Host(), err)
		}
		var list groupList
		if err := json.Unmarshal(data, &list); err != nil {
			return d, fmt.Errorf("decoding what %s serves: %w", c.Host(), err)
		}
		if list.Kind != "APIGroupDiscoveryList" {
			return d, salvor.Errorf(salvor.Invalid, "%s does not answer aggregated discovery", c.Host()).WithHint("salvor needs Kubernetes 1.27 or later")
		}
		list.addTo(&d)
	}
	slices.SortFunc(d.Resources, func(a, b cluster.Resource) int { return strings.Compare(a.String(), b.String()) })
	return d, nil
}

// addTo adds each resource of the list in the first version that has it: the server lists the preferred version first.
func (l *groupList) addTo(d *cluster.Discovery) {
	for _, group := range l.Items {
		seen := map[string]bool{}
		for _, v := range group.Versions {
			if v.Freshness == "Stale" {
				d.Stale = append(d.Stale, strings.TrimPrefix(group.Metadata.Name+"/"+v.Version, "/"))
			}
			for _, r := range v.Resources {
				if r.ResponseKind.Kind == "" || seen[r.Resource] {
					continue
				}
				seen[r.Resource] = true
				d.Resources = append(d.Resources, cluster.Resource{Group: group.Metadata.Name, Version: v.Version, Name: r.Resource,
					Kind: r.ResponseKind.Kind, Namespaced: r.Scope == "Namespaced", Verbs: r.Verbs})
			}
		}
	}
}
