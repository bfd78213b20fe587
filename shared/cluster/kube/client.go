package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster"
)

// Client is one signed-in identity at one API server. It is safe for concurrent use.
type Client struct {
	config *rest.Config
	rest   rest.Interface
	// protocol is the only one for exec; empty: any.
	protocol Protocol
	// webSocketFirst is set when the last exec was let through by WebSocket.
	webSocketFirst atomic.Bool
}

// New returns a client for the configuration, which it copies. It sets no rate limit of its own: the API server's
// priority and fairness protects it, and says 429 when it wants less. Responses are not compressed: that costs
// more time than it saves except over slow lines.
func New(config *rest.Config) (*Client, error) {
	c := rest.CopyConfig(config)
	c.QPS = -1
	c.DisableCompression = true
	c.UserAgent = "salvor"
	c.WarningHandler = rest.NoWarnings{} // they are about the age of APIs, and would be printed between our own lines
	c.WarningHandlerWithContext = nil
	c.GroupVersion = &schema.GroupVersion{}
	c.NegotiatedSerializer = serializers()
	c.ContentType = runtime.ContentTypeJSON
	c.AcceptContentTypes = runtime.ContentTypeJSON
	c.APIPath = "/"
	r, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	return &Client{config: c, rest: r}, nil
}

// Host returns the URL of the API server, for messages.
func (c *Client) Host() string { return c.config.Host }

// serializers knows just enough to decode the Status of an error.
func serializers() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	v1 := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, v1)
	scheme.AddUnversionedTypes(v1, &metav1.Status{})
	return serializer.NewCodecFactory(scheme).WithoutConversion()
}

// Version returns the API server's version, such as v1.36.3.
func (c *Client) Version(ctx context.Context) (string, error) {
	data, err := do(ctx, c.rest.Get().AbsPath("/version"))
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", c.Host(), err)
	}
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return "", fmt.Errorf("decoding the version of %s: %w", c.Host(), err)
	}
	return v.GitVersion, nil
}

// UID returns the UID of the namespace kube-system, which tells clusters apart.
func (c *Client) UID(ctx context.Context) (string, error) {
	ns := cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	data, err := do(ctx, c.rest.Get().AbsPath(ns.Path("", "kube-system")))
	if err != nil {
		return "", fmt.Errorf("reading namespace kube-system: %w", err)
	}
	var o struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return "", fmt.Errorf("decoding namespace kube-system: %w", err)
	}
	return o.Metadata.UID, nil
}
