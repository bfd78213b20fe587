package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/csidriver"
	"salvor.io/salvor/tools/internal/node"
)

// Where the driver's sockets are, in the node's namespaces.
const (
	driverSocket       = "/var/lib/kubelet/plugins/" + csidriver.Name + "/csi.sock"
	registrationSocket = "/var/lib/kubelet/plugins_registry/" + csidriver.Name + "-reg.sock"
)

// startSnapshots starts the driver and the sidecars around it. They run beside
// the kubelet as plain processes, not in pods.
func (r *run) startSnapshots(ctx context.Context) error {
	if err := r.makeSnapshotKinds(ctx); err != nil {
		return err
	}
	n := r.node()
	err := r.start("csidriver", []string{
		"--store=" + r.storage(), "--pending=" + r.Options.SnapshotDelay, fmt.Sprintf("--groups=%t", r.Options.GroupSnapshots),
		"--node-id=" + n.InstanceID(), "--zone=" + node.Zone,
		"--socket=" + driverSocket, "--registration=" + registrationSocket,
	})
	if err != nil {
		return err
	}
	// The sidecars give up if they don't find the driver at once.
	err = child.Poll(ctx, "the CSI driver", func(context.Context) (bool, error) {
		_, err := os.Stat(driverSocket)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	for _, sidecar := range []struct {
		name string
		args []string
	}{
		{"csi-provisioner", provisionerArgs(r.layout)},
		{"csi-snapshotter", snapshotterArgs(r.layout, r.Options.GroupSnapshots)},
		{"snapshot-controller", snapshotControllerArgs(r.layout, r.Options.GroupSnapshots)},
	} {
		env := []string{"NODE_NAME=" + n.Name(), "NAMESPACE=kube-system", "POD_NAME=" + sidecar.name}
		if err := r.group.Start(sidecar.name, env, filepath.Join(r.Bin, sidecar.name), sidecar.args...); err != nil {
			return err
		}
	}
	return r.awaitSnapshots(ctx)
}

// storage is where the volumes and snapshots are: the caller's directory, which
// other clusters may share, or the cluster's own.
func (r *run) storage() string {
	if r.Options.Storage != "" {
		return r.Options.Storage
	}
	return filepath.Join(r.Dir, "storage")
}

// awaitSnapshots returns when the kubelet knows the driver and the API server
// the kinds.
func (r *run) awaitSnapshots(ctx context.Context) error {
	path := "/apis/storage.k8s.io/v1/csinodes/" + r.node().Name()
	err := child.Poll(ctx, "the kubelet to register the CSI driver", func(ctx context.Context) (bool, error) {
		var csinode struct {
			Spec struct{ Drivers []struct{ Name string } }
		}
		if err := r.api.Get(ctx, path, &csinode); err != nil {
			return false, err
		}
		for _, d := range csinode.Spec.Drivers {
			if d.Name == csidriver.Name {
				return true, nil
			}
		}
		return false, fmt.Errorf("%s is not among its drivers", csidriver.Name)
	})
	if err != nil {
		return err
	}
	if err := r.makeSnapshotClasses(ctx); err != nil {
		return err
	}
	r.step("CSI driver " + csidriver.Name + " ready, with volume snapshots")
	return nil
}

// The retry intervals are short, as nothing here is ever overloaded. Only csi-snapshotter begins as it does by default, with
// a second: what is pending is asked for after each of them, and would take the turns of what is yet to be cut.
const (
	retryStart = "--retry-interval-start=100ms"
	retryMax   = "--retry-interval-max=2s"
)

// resync is how often csi-snapshotter and snapshot-controller look at everything again; by default they do so every 15
// minutes. A snapshot whose turn got lost when the cache lagged, or that was deleted while it was cut, waits until then.
const resync = "--resync-period=10s"

func provisionerArgs(l layout) []string {
	return []string{
		"--kubeconfig=" + l.config(adminUser), "--csi-address=" + driverSocket,
		"--feature-gates=Topology=true", "--immediate-topology=true",
		"--default-fstype=ext4", "--extra-create-metadata",
		retryStart, retryMax, "--kube-api-qps=100", "--kube-api-burst=200",
	}
}

func snapshotterArgs(l layout, groups bool) []string {
	return []string{
		groupGate(groups), resync,
		"--kubeconfig=" + l.config(adminUser), "--csi-address=" + driverSocket,
		"--extra-create-metadata",
		retryMax, "--kube-api-qps=100", "--kube-api-burst=200",
	}
}

func snapshotControllerArgs(l layout, groups bool) []string {
	return []string{
		groupGate(groups), resync,
		"--kubeconfig=" + l.config(adminUser), "--leader-election=false", "--http-endpoint=",
		retryStart, retryMax, "--kube-api-qps=100", "--kube-api-burst=200",
	}
}

func groupGate(on bool) string { return fmt.Sprintf("--feature-gates=CSIVolumeGroupSnapshot=%t", on) }
