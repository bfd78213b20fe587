package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// searchPath are where Debian and others put a node's programs; a user's PATH
// may lack the sbin ones.
var searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// programPath is the PATH of a node's programs, which call one another.
func programPath() []string { return []string{"PATH=" + strings.Join(searchPath, ":")} }

func findProgram(name string) (string, error) {
	return findIn(searchPath, name)
}

// findPlugins returns the directory of the network plugins.
func findPlugins() (string, error) {
	p, err := findIn([]string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}, "bridge")
	if err != nil {
		return "", fmt.Errorf("network plugin %w", err)
	}
	return filepath.Dir(p), nil
}

func findIn(dirs []string, name string) (string, error) {
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}
