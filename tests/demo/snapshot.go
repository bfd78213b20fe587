package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/tests/throwaway"
)

// The namespaces of the application, and its own kind.
var (
	appNamespaces = []string{"shop-db", "shop-web"}
	appCRD        = "offers.shop.example.com"
)

// key names one object.
type key struct{ kind, namespace, name string } // kind as resource.group

func (k key) String() string {
	if k.namespace == "" {
		return k.kind + " " + k.name
	}
	return k.kind + " " + k.namespace + "/" + k.name
}

// snapshot is the raw JSON of objects, as the API server returned it to plain requests: no code of Salvor reads it.
type snapshot struct{ objects map[key][]byte }

// take reads every object of every kind in the namespaces of the application, the namespaces and the definition of its kind.
func take(ctx context.Context, k *throwaway.Kube) (*snapshot, error) {
	config, err := clientcmd.BuildConfigFromFlags("", k.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.APIPath, config.NegotiatedSerializer = -1, "/", scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	kinds, err := collections(ctx, client)
	if err != nil {
		return nil, err
	}
	s := &snapshot{objects: map[key][]byte{}}
	for _, c := range kinds {
		if err := s.takeKind(ctx, client, c); err != nil {
			return nil, err
		}
	}
	for _, ns := range appNamespaces {
		if err := s.takeOne(ctx, client, key{kind: "namespaces", name: ns}, "/api/v1/namespaces/"+ns); err != nil {
			return nil, err
		}
	}
	definition := key{kind: "customresourcedefinitions.apiextensions.k8s.io", name: appCRD}
	return s, s.takeOne(ctx, client, definition, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+appCRD)
}

func (s *snapshot) takeKind(ctx context.Context, client rest.Interface, c collection) error {
	for _, ns := range appNamespaces {
		var list struct{ Items []json.RawMessage }
		if err := get(ctx, client, c.path+"/namespaces/"+ns+"/"+c.resource, &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			var o struct{ Metadata struct{ Name string } }
			if err := json.Unmarshal(item, &o); err != nil {
				return fmt.Errorf("decoding an object of %s: %w", c.kind, err)
			}
			s.objects[key{c.kind, ns, o.Metadata.Name}] = item
		}
	}
	return nil
}

func (s *snapshot) takeOne(ctx context.Context, client rest.Interface, k key, path string) error {
	result := client.Get().AbsPath(path).Do(ctx)
	var code int
	if result.StatusCode(&code); code == http.StatusNotFound {
		return nil // the comparison names it
	}
	data, err := result.Raw()
	if err != nil {
		return fmt.Errorf("reading %s: %w", k, err)
	}
	s.objects[k] = data
	return nil
}

// keys are those of all objects, sorted.
func (s *snapshot) keys() []key {
	return slices.SortedFunc(maps.Keys(s.objects), func(a, b key) int { return strings.Compare(a.String(), b.String()) })
}

func (s *snapshot) bytes() (n int) {
	for _, raw := range s.objects {
		n += len(raw)
	}
	return n
}
