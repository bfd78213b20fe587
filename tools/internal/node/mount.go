package node

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// private are the directories that programs of a node use by fixed names. In
// the node's mount namespace each is the node's own.
var private = []string{
	"/run/containerd",
	"/var/lib/cni",
	"/var/lib/kubelet",
	"/var/log/containers",
	"/var/log/pods",
}

// mount puts the node's own directories in the place of the machine's.
func (n *Node) mount() error {
	for _, dir := range private {
		own := n.path("root", strings.ReplaceAll(strings.Trim(dir, "/"), "/", "-"))
		for _, d := range []string{own, dir} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return fmt.Errorf("making a directory of the node: %w", err)
			}
		}
		if err := unix.Mount(own, dir, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
		// Volumes that a pod mounts are to be seen by the kubelet, too.
		if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
			return fmt.Errorf("sharing the mounts under %s: %w", dir, err)
		}
	}
	return nil
}
