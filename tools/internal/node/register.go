package node

import (
	"context"
	"fmt"

	"salvor.io/salvor/tools/internal/kubeapi"
)

type object = map[string]any

// register makes the Node as the cloud controller of EKS would leave it, before
// the kubelet looks: then its address is known at once and it has no taint.
func (n *Node) register(ctx context.Context, api *kubeapi.Client) error {
	node := object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": n.Name(), "labels": object{
			"kubernetes.io/hostname":           n.Name(),
			"topology.kubernetes.io/region":    region,
			"topology.kubernetes.io/zone":      Zone,
			"node.kubernetes.io/instance-type": instanceType,
		}},
		"spec": object{"providerID": n.providerID()},
	}
	if err := api.Post(ctx, "/api/v1/nodes", node, nil); err != nil {
		return fmt.Errorf("registering the node: %w", err)
	}
	status := object{"status": object{"addresses": []object{
		// The API server calls the kubelet there.
		{"type": "InternalIP", "address": "127.0.0.1"},
		{"type": "InternalDNS", "address": n.Name()},
		{"type": "Hostname", "address": n.Name()},
	}}}
	if err := api.Patch(ctx, "/api/v1/nodes/"+n.Name()+"/status", status, nil); err != nil {
		return fmt.Errorf("giving the node its addresses: %w", err)
	}
	return nil
}

// ready asks whether the kubelet reports the node ready.
func (n *Node) ready(api *kubeapi.Client) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		var node struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := api.Get(ctx, "/api/v1/nodes/"+n.Name(), &node); err != nil {
			return false, err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == "Ready" {
				return c.Status == "True", fmt.Errorf("%s", c.Message)
			}
		}
		return false, fmt.Errorf("the kubelet has not reported yet")
	}
}
