package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// FieldManager owns, in metadata.managedFields, what Salvor writes.
const FieldManager = "salvor"

// The methods below read and write one object as JSON. They return the object as the API server has it afterwards.
// An error of the server is a *errors.StatusError with all its details. A 429, or a 5xx that says Retry-After, was
// refused before anything was done: it is retried up to 10 times after the time given. An answer that got lost is
// not retried: a create may have happened.

// Get reads an object in its newest version.
func (c *Client) Get(ctx context.Context, r cluster.Resource, namespace, name string) ([]byte, error) {
	return send(ctx, c.rest.Get(), r, namespace, name)
}

// Create creates an object. Fields that the server doesn't know are dropped, as they are when an old object is read.
func (c *Client) Create(ctx context.Context, r cluster.Resource, namespace string, body []byte) ([]byte, error) {
	req := change(withJSON(c.rest.Post(), body)).AbsPath(r.Path(namespace, ""))
	return do(ctx, req)
}

// Update replaces an object, or its subresource such as status. With a metadata.resourceVersion in the body it is a
// conflict if the object has changed since; without, it wins.
func (c *Client) Update(ctx context.Context, r cluster.Resource, namespace, name string, body []byte, subresource ...string) ([]byte, error) {
	return send(ctx, change(withJSON(c.rest.Put(), body)), r, namespace, name, subresource...)
}

// Patch changes an object, or its subresource such as status.
func (c *Client) Patch(ctx context.Context, r cluster.Resource, namespace, name string, kind types.PatchType, body []byte, subresource ...string) ([]byte, error) {
	return send(ctx, change(c.rest.Patch(kind).Body(body)), r, namespace, name, subresource...)
}

// DeleteOptions are those of package cluster.
type DeleteOptions = cluster.DeleteOptions

// Delete begins to delete an object. It may stay for a time: finalizers and graceful ends run after the answer.
func (c *Client) Delete(ctx context.Context, r cluster.Resource, namespace, name string, o DeleteOptions) error {
	options := metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}}
	if o.UID != "" {
		options.Preconditions = metav1.NewUIDPreconditions(string(o.UID))
	}
	if o.Propagation != "" {
		options.PropagationPolicy = &o.Propagation
	}
	body, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("encoding delete options: %w", err)
	}
	_, err = send(ctx, withJSON(c.rest.Delete(), body), r, namespace, name)
	return err
}

// change marks a request as ours and lets the server drop fields it doesn't know, without a warning.
func change(req *rest.Request) *rest.Request {
	return req.Param("fieldManager", FieldManager).Param("fieldValidation", metav1.FieldValidationIgnore)
}

func withJSON(req *rest.Request, body []byte) *rest.Request {
	return req.SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body)
}

// send sends a request about one object.
func send(ctx context.Context, req *rest.Request, r cluster.Resource, namespace, name string, subresource ...string) ([]byte, error) {
	// An empty name would be the whole collection, and ".." another path.
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/%") {
		return nil, salvor.Errorf(salvor.Invalid, "%q can't be the name of an object of %s", name, r)
	}
	if r.Namespaced && namespace == "" {
		return nil, salvor.Errorf(salvor.Invalid, "%s %q needs a namespace", r, name)
	}
	return do(ctx, req.AbsPath(append([]string{r.Path(namespace, name)}, subresource...)...))
}

// do sends a request. Unlike DoRaw of client-go it keeps what the server says of an error.
func do(ctx context.Context, req *rest.Request) ([]byte, error) {
	res := req.Do(ctx)
	if err := res.Error(); err != nil {
		return nil, err
	}
	return res.Raw()
}
