package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"salvor.io/salvor/tools/internal/child"
)

// What the node says of where it is, as on EKS.
const (
	region = "us-east-1"
	// Zone is where the node and its volumes are.
	Zone         = "us-east-1a"
	instanceType = "m5.large"
)

// InstanceID is that of the EC2 instance the node would be.
func (n *Node) InstanceID() string { return "i-0" + n.ID + n.ID }

func (n *Node) providerID() string { return fmt.Sprintf("aws:///%s/%s", Zone, n.InstanceID()) }

// kubeletConfig is a KubeletConfiguration. A full disk or a busy machine must
// not evict a test's pods, hence the zeros.
func (n *Node) kubeletConfig() ([]byte, error) {
	type object = map[string]any
	return json.MarshalIndent(object{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"address":                  "127.0.0.1",
		"port":                     n.Port,
		"healthzPort":              0,
		"tlsCertFile":              n.Cert,
		"tlsPrivateKeyFile":        n.Key,
		"authentication":           object{"x509": object{"clientCAFile": n.CA}, "webhook": object{"enabled": false}, "anonymous": object{"enabled": false}},
		"authorization":            object{"mode": "Webhook"},
		"containerRuntimeEndpoint": "unix://" + socket,
		"providerID":               n.providerID(),
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               n.cgroup(),
		"failCgroupV1":             false,
		"enforceNodeAllocatable":   []string{},
		"failSwapOn":               false,
		"makeIPTablesUtilChains":   false,
		"oomScoreAdj":              0, // lowering it takes a capability that root may lack
		"evictionHard": object{
			"imagefs.available": "0%", "imagefs.inodesFree": "0%", "memory.available": "0%",
			"nodefs.available": "0%", "nodefs.inodesFree": "0%", "pid.available": "0%",
		},
		"imageGCHighThresholdPercent":    100,
		"localStorageCapacityIsolation":  false,
		"serializeImagePulls":            false,
		"kubeAPIQPS":                     100,
		"kubeAPIBurst":                   200,
		"nodeStatusUpdateFrequency":      "10s",
		"volumePluginDir":                "/var/lib/kubelet/volume-plugins",
		"shutdownGracePeriod":            "0s",
		"enableControllerAttachDetach":   true,
		"containerLogMaxSize":            "50Mi",
		"streamingConnectionIdleTimeout": "5m",
	}, "", "  ")
}

func (n *Node) startKubelet(group *child.Group) error {
	raw, err := n.kubeletConfig()
	if err != nil {
		return fmt.Errorf("rendering the kubelet's configuration: %w", err)
	}
	config := n.path("kubelet.json")
	if err := os.WriteFile(config, raw, 0o600); err != nil {
		return fmt.Errorf("writing the kubelet's configuration: %w", err)
	}
	return group.Start("kubelet", programPath(), filepath.Join(n.Bin, "kubelet"),
		"--config="+config,
		"--kubeconfig="+n.Kubeconfig,
		"--hostname-override="+n.Name(),
		"--cloud-provider=external",
	)
}
