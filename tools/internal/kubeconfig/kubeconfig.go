// Package kubeconfig writes the file by which kubectl and client-go find a
// cluster and sign in to it with a client certificate.
package kubeconfig

import (
	"encoding/json"
	"fmt"
	"os"
)

// Config is what one kubeconfig tells: one cluster, one user, one context.
type Config struct {
	// Cluster names the cluster and the context.
	Cluster string
	// Server is the URL of the API server.
	Server string
	User   string
	// CA, Cert and Key are PEM. The file holds them itself, so it can be moved.
	CA, Cert, Key []byte
}

type object = map[string]any

// Render returns the file. JSON is YAML, so no YAML writer is needed.
func (c Config) Render() ([]byte, error) {
	return json.MarshalIndent(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": c.Cluster,
		"clusters": []object{{"name": c.Cluster, "cluster": object{
			"server": c.Server, "certificate-authority-data": c.CA}}},
		"users": []object{{"name": c.User, "user": object{
			"client-certificate-data": c.Cert, "client-key-data": c.Key}}},
		"contexts": []object{{"name": c.Cluster, "context": object{
			"cluster": c.Cluster, "user": c.User}}},
	}, "", "  ")
}

// Save writes the file, readable by its owner only: it holds a key.
func (c Config) Save(path string) error {
	raw, err := c.Render()
	if err != nil {
		return fmt.Errorf("rendering kubeconfig: %w", err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing kubeconfig: %w", err)
	}
	return nil
}
