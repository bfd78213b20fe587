package home

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
)

// Cluster signs in to a cluster. One of EKS is asked for by its ARN; a kubeconfig's is not connected to yet.
func (h *Home) Cluster(ctx context.Context, c *salvor.Cluster) (*kube.Client, error) {
	config, err := h.connection(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", c.Name, err)
	}
	client, err := kube.New(config)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", c.Name, err)
	}
	return client, nil
}

func (h *Home) connection(ctx context.Context, c *salvor.Cluster) (*rest.Config, error) {
	switch {
	case c.Spec.Kubeconfig != nil:
		return kubeconfig.Config(*c.Spec.Kubeconfig)
	case c.Spec.EKS != nil:
		access, err := h.EKS(ctx)
		if err != nil {
			return nil, err
		}
		return access.Config(ctx, *c.Spec.EKS)
	}
	return nil, salvor.Errorf(salvor.Invalid, "it names neither an EKS cluster nor a kubeconfig")
}

// NamedCluster signs in to the Cluster of the name.
func (h *Home) NamedCluster(ctx context.Context, name string) (*salvor.Cluster, *kube.Client, error) {
	c, err := get[*salvor.Cluster](ctx, h, salvor.KindCluster, name)
	if err != nil {
		return nil, nil, err
	}
	client, err := h.Cluster(ctx, c)
	return c, client, err
}

// CheckCluster asks the cluster who it is and fills in its status.
func (h *Home) CheckCluster(ctx context.Context, c *salvor.Cluster) error {
	client, err := h.Cluster(ctx, c)
	if err != nil {
		return err
	}
	version, err := client.Version(ctx)
	if err != nil {
		return fmt.Errorf("cluster %q: %w", c.Name, err)
	}
	uid, err := client.UID(ctx)
	if err != nil && !apierrors.IsForbidden(err) { // a role that may not read kube-system may still back up others
		return fmt.Errorf("cluster %q: %w", c.Name, err)
	}
	c.Status = salvor.ClusterStatus{UID: uid, Version: version, CheckedAt: metav1.NewTime(h.options.Now())}
	return nil
}

// PinKubeconfig fills in the file and the context that are left to the environment.
func PinKubeconfig(k salvor.KubeconfigCluster) (salvor.KubeconfigCluster, error) {
	return kubeconfig.Pin(k)
}
