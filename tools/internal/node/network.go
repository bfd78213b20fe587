package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
)

// bridge is the link that joins the node's pods. Link names have 15 bytes at most.
func (n *Node) bridge() string { return "sv" + n.ID }

// subnet of the node's pods. The machine has no address in it unless it is to
// reach pods: they reach each other and nothing else, and two nodes with the
// same subnet would not meet.
func (n *Node) subnet() string {
	a, b := n.numbers()
	return fmt.Sprintf("10.%d.%d.0/24", a, b)
}

// makeBridge makes the bridge before the network plugin would, with an address
// of the machine: the first one, which the plugin never gives to a pod.
func (n *Node) makeBridge() error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: n.bridge()}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("making bridge %s: %w", n.bridge(), err)
	}
	a, b := n.numbers()
	address, err := netlink.ParseAddr(fmt.Sprintf("10.%d.%d.1/24", a, b))
	if err != nil {
		return fmt.Errorf("making an address of bridge %s: %w", n.bridge(), err)
	}
	if err := netlink.AddrAdd(bridge, address); err != nil {
		return fmt.Errorf("giving bridge %s the address %s: %w", n.bridge(), address.IP, err)
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("starting bridge %s: %w", n.bridge(), err)
	}
	return nil
}

// network is the pods' network in the form of CNI.
func (n *Node) network() ([]byte, error) {
	type object = map[string]any
	return json.MarshalIndent(object{
		"cniVersion": "1.0.0",
		"name":       "salvor-" + n.ID,
		"plugins": []object{{
			"type":      "bridge",
			"bridge":    n.bridge(),
			"isGateway": false, // a gateway would switch on forwarding on this machine
			"ipam": object{
				"type":    "host-local",
				"dataDir": n.path("ipam"),
				"ranges":  [][]object{{{"subnet": n.subnet()}}},
			},
		}},
	}, "", "  ")
}

func (n *Node) writeNetwork() error {
	if err := os.MkdirAll(n.path("cni"), 0o700); err != nil {
		return fmt.Errorf("making the network's directory: %w", err)
	}
	raw, err := n.network()
	if err != nil {
		return fmt.Errorf("rendering the network: %w", err)
	}
	if err := os.WriteFile(n.path("cni", "10-salvor.conflist"), raw, 0o600); err != nil {
		return fmt.Errorf("writing the network: %w", err)
	}
	return nil
}

// removeBridge removes the bridge if it is there. The pods' ends of it went with
// their network namespaces.
func (n *Node) removeBridge() error {
	link, err := netlink.LinkByName(n.bridge())
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for bridge %s: %w", n.bridge(), err)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("removing bridge %s: %w", n.bridge(), err)
	}
	return nil
}
