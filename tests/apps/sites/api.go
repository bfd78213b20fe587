package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// object is any JSON object.
type object = map[string]any

// accountDir is where each pod finds its namespace, its token and the authority of its API server.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount/"

// Forms of a patch.
const (
	applyPatch = "application/apply-patch+yaml"
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
)

// api is the API server of the cluster that the program runs in.
type api struct {
	url       string
	namespace string
	client    *http.Client
}

func newAPI() (*api, error) {
	ca, err := os.ReadFile(accountDir + "ca.crt")
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority: %w", err)
	}
	namespace, err := os.ReadFile(accountDir + "namespace")
	if err != nil {
		return nil, fmt.Errorf("reading the own namespace: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &api{
		url:       "https://" + net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")),
		namespace: string(namespace),
		client:    &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}},
	}, nil
}

// errNotFound is an object that is not there.
var errNotFound = errors.New("not found")

func (a *api) get(ctx context.Context, path string, into any) error {
	return a.send(ctx, http.MethodGet, path, "", nil, into)
}

// apply makes the fields of the object what they are here.
func (a *api) apply(ctx context.Context, path string, o object) error {
	return a.send(ctx, http.MethodPatch, path+"?fieldManager=sites&force=true", applyPatch, o, nil)
}

func (a *api) send(ctx context.Context, method, path, form string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding the body of %s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("making %s %s: %w", method, path, err)
	}
	token, err := os.ReadFile(accountDir + "token") // it is renewed now and then
	if err != nil {
		return fmt.Errorf("reading the own token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	req.Header.Set("Content-Type", form)
	answer, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err = io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", method, path, errNotFound)
	case answer.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %.300s", method, path, answer.Status, data)
	case into == nil:
		return nil
	}
	return json.Unmarshal(data, into)
}
