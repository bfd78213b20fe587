package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// writers is how many requests populate a cluster at once; the aim for restores is stated against as many.
const writers = 16

// plainClient is a REST client of client-go that sends JSON as it is, without the rate limit that it has by default.
func plainClient(config *rest.Config) (*rest.RESTClient, error) {
	c := rest.CopyConfig(config)
	c.QPS, c.DisableCompression, c.APIPath = -1, true, "/"
	c.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return rest.UnversionedRESTClientFor(c)
}

// object is one to create: where to and its JSON.
type object struct {
	path string
	body []byte
}

// configMap holds size bytes in all of its data; they are random, so that they don't compress better than real ones.
func configMap(namespace, name string, size int, random *rand.Rand) object {
	body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"labels":{"app":"bench"}},"data":{"key":%q}}`, name, text(size, random))
	return object{"/api/v1/namespaces/" + namespace + "/configmaps", body}
}

// secret holds size bytes, in base64, in all of its data.
func secret(namespace, name string, size int, random *rand.Rand) object {
	body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q,"labels":{"app":"bench"}},"type":"Opaque","data":{"key":%q}}`, name, text(size, random))
	return object{"/api/v1/namespaces/" + namespace + "/secrets", body}
}

// text is size bytes of valid base64, rounded down to a multiple of four.
func text(size int, random *rand.Rand) string {
	raw := make([]byte, size/4*3)
	for i := 0; i+8 <= len(raw); i += 8 {
		v := random.Uint64()
		for j := range 8 {
			raw[i+j] = byte(v >> (8 * j))
		}
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func namespace(name string) object {
	return object{"/api/v1/namespaces", fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)}
}

// create makes all objects, which make(i) returns for i from 0 to n-1, by 16 workers.
func create(ctx context.Context, client *rest.RESTClient, n int, make func(i int, random *rand.Rand) object) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for w := range writers {
		random := rand.New(rand.NewPCG(uint64(w), uint64(n)))
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return context.Cause(ctx)
				}
				o := make(i, random)
				if err := client.Post().AbsPath(o.path).SetHeader("Content-Type", "application/json").Body(o.body).Do(ctx).Error(); err != nil {
					return fmt.Errorf("creating object %d at %s: %w", i, o.path, err)
				}
			}
		})
	}
	return group.Wait()
}

// makeNamespaces makes namespaces and waits until their ServiceAccounts are there, so that nothing is added later.
func makeNamespaces(ctx context.Context, client *rest.RESTClient, names ...string) error {
	if err := create(ctx, client, len(names), func(i int, _ *rand.Rand) object { return namespace(names[i]) }); err != nil {
		return err
	}
	for _, path := range []string{"serviceaccounts/default", "configmaps/kube-root-ca.crt"} {
		for _, name := range names {
			if err := await(ctx, client, "/api/v1/namespaces/"+name+"/"+path); err != nil {
				return err
			}
		}
	}
	return nil
}

func await(ctx context.Context, client *rest.RESTClient, path string) error {
	for {
		err := client.Get().AbsPath(path).Do(ctx).Error()
		if !apierrors.IsNotFound(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// bareList lists one kind page by page: raw JSON, 500 objects a page, no compression, each page cut into its objects
// by encoding/json as bytes that nobody looks at. It is what any program that reads objects can't do without.
func bareList(ctx context.Context, client *rest.RESTClient, path string) (objects int, err error) {
	return bareListAt(ctx, client, path, "")
}

// bareListAt is bareList at exactly the revision; "" is the newest state, which the API server has in memory.
func bareListAt(ctx context.Context, client *rest.RESTClient, path, revision string) (objects int, err error) {
	for token := ""; ; {
		req := client.Get().AbsPath(path).Param("limit", "500").Param("continue", token)
		if revision != "" && token == "" {
			req.Param("resourceVersion", revision).Param("resourceVersionMatch", "Exact")
		}
		data, err := req.DoRaw(ctx)
		if err != nil {
			return objects, fmt.Errorf("listing %s: %w", path, err)
		}
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return objects, fmt.Errorf("decoding a page of %s: %w", path, err)
		}
		objects += len(page.Items)
		if token = page.Metadata.Continue; token == "" {
			return objects, nil
		}
	}
}
