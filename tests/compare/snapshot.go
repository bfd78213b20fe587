package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Key names one object.
type Key struct{ Kind, Namespace, Name string } // Kind as resource.group

// String shows the key as "configmaps shop/settings".
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// Scope says what a snapshot holds.
type Scope struct {
	// Namespaces are taken whole: themselves, and every object of every kind in them.
	Namespaces []string
	// Global are objects without namespace: names by kind, as resource.group.
	Global map[string][]string
}

// Snapshot is the raw JSON of objects.
type Snapshot struct{ Objects map[Key][]byte }

// Take reads what the scope names from the cluster of a kubeconfig. An object that is not there is not in the snapshot.
func Take(ctx context.Context, kubeconfig string, scope Scope) (*Snapshot, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
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
	s := &Snapshot{Objects: map[Key][]byte{}}
	for _, c := range kinds {
		if err := s.takeKind(ctx, client, c, scope); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Snapshot) takeKind(ctx context.Context, client rest.Interface, c collection, scope Scope) error {
	if c.namespaced {
		for _, ns := range scope.Namespaces {
			if err := s.takeAll(ctx, client, c, ns); err != nil {
				return err
			}
		}
		return nil
	}
	names := scope.Global[c.kind]
	if c.kind == "namespaces" {
		names = append(slices.Clone(names), scope.Namespaces...)
	}
	for _, name := range names {
		if err := s.takeOne(ctx, client, Key{Kind: c.kind, Name: name}, c.path+"/"+c.resource+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) takeAll(ctx context.Context, client rest.Interface, c collection, ns string) error {
	var list struct{ Items []json.RawMessage }
	err := get(ctx, client, c.path+"/namespaces/"+ns+"/"+c.resource, &list)
	if apierrors.IsNotFound(err) {
		return nil // the kind is just being removed
	}
	if err != nil {
		return err
	}
	for _, item := range list.Items {
		var o struct{ Metadata struct{ Name string } }
		if err := json.Unmarshal(item, &o); err != nil {
			return fmt.Errorf("decoding an object of %s: %w", c.kind, err)
		}
		s.Objects[Key{c.kind, ns, o.Metadata.Name}] = item
	}
	return nil
}

func (s *Snapshot) takeOne(ctx context.Context, client rest.Interface, k Key, path string) error {
	data, err := client.Get().AbsPath(path).DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return nil // the comparison names it
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", k, err)
	}
	s.Objects[k] = data
	return nil
}

// Keys are those of all objects, sorted.
func (s *Snapshot) Keys() []Key {
	return slices.SortedFunc(maps.Keys(s.Objects), func(a, b Key) int { return strings.Compare(a.String(), b.String()) })
}

// Bytes is how many bytes the objects have.
func (s *Snapshot) Bytes() (n int) {
	for _, raw := range s.Objects {
		n += len(raw)
	}
	return n
}
