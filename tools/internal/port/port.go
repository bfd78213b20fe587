// Package port finds TCP ports that nobody listens on.
package port

import (
	"fmt"
	"net"
)

// Free returns n different ports of 127.0.0.1 that were free a moment ago. They
// are all held at once while they are chosen, so no two are the same; another
// program may still take one before it is used.
func Free(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
