package port_test

import (
	"fmt"
	"net"
	"testing"

	"salvor.io/salvor/tools/internal/port"
)

func TestFreePortsDifferAndCanBeUsed(t *testing.T) {
	ports, err := port.Free(8)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] {
			t.Errorf("port %d twice in %v", p, ports)
		}
		seen[p] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			t.Errorf("port %d is not free: %v", p, err)
			continue
		}
		defer l.Close()
	}
	if len(ports) != 8 {
		t.Errorf("got %d ports, want 8", len(ports))
	}
}
