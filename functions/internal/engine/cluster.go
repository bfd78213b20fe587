package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

func (e *Engines) connect(ctx context.Context, name string) (restore.Target, error) {
	_, client, err := e.cluster(ctx, name)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// cluster signs in to the Cluster of the name.
func (e *Engines) cluster(ctx context.Context, name string) (*salvor.Cluster, *kube.Client, error) {
	o, err := e.Catalog.Get(ctx, salvor.KindCluster, name)
	if err != nil {
		return nil, nil, err
	}
	c := o.(*salvor.Cluster)
	key, err := json.Marshal(c.Spec)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding cluster %q: %w", name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if client := e.clusters[string(key)]; client != nil {
		return c, client, nil
	}
	client, err := e.signIn(ctx, c)
	if err != nil {
		return nil, nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	e.clusters[string(key)] = client
	return c, client, nil
}

func (e *Engines) signIn(ctx context.Context, c *salvor.Cluster) (*kube.Client, error) {
	if c.Spec.EKS == nil {
		return nil, salvor.Errorf(salvor.Invalid, "it is reached through a kubeconfig file of one machine").WithHint("name its ARN: salvor cluster add --arn …")
	}
	config, err := e.access.Config(ctx, *c.Spec.EKS)
	if err != nil {
		return nil, err
	}
	return kube.New(config)
}
