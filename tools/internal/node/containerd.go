package node

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/tools/internal/child"
)

// socket is where containerd listens, inside the node's namespaces.
const socket = "/run/containerd/containerd.sock"

// runtimeConfig is what containerd is told. runc may lack CAP_SYS_RESOURCE, so
// it must not lower an oom score; AppArmor may be absent where it says it is
// there. Root and state are the node's own.
const runtimeConfig = `version = 2
root = %q
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`

func (n *Node) runtimeConfig(cniPlugins, snapshotter string) string {
	return fmt.Sprintf(runtimeConfig, n.path("containerd"), socket, PauseImage, cniPlugins, n.path("cni"), snapshotter)
}

func (n *Node) startContainerd(ctx context.Context, group *child.Group) error {
	plugins, err := findPlugins()
	if err != nil {
		return err
	}
	containerd, err := findProgram("containerd")
	if err != nil {
		return err
	}
	if err := n.writeNetwork(); err != nil {
		return err
	}
	config := n.path("containerd.toml")
	if err := os.WriteFile(config, []byte(n.runtimeConfig(plugins, snapshotter(n.Dir))), 0o600); err != nil {
		return fmt.Errorf("writing containerd's configuration: %w", err)
	}
	if err := group.Start("containerd", programPath(), containerd, "--config", config); err != nil {
		return err
	}
	return child.Poll(ctx, "containerd", func(context.Context) (bool, error) {
		_, err := os.Stat(socket)
		return err == nil, err
	})
}

// snapshotter chooses how layers are stacked: overlayfs, except on a directory
// that is itself an overlay (in a container), where the kernel refuses that.
func snapshotter(dir string) string {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil && fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native"
	}
	return "overlayfs"
}
