package kubeconfig

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/salvor"
)

// Pin fills in what spec leaves to the environment: the file, where it is only one, and the current context. What is
// pinned means the same cluster when somebody has changed $KUBECONFIG or the current context. Errors as of Config.
func Pin(spec salvor.KubeconfigCluster) (salvor.KubeconfigCluster, error) {
	file, _, err := load(spec.Path)
	if err != nil {
		return spec, err
	}
	if spec.Path == "" {
		var there []string
		for _, path := range clientcmd.NewDefaultClientConfigLoadingRules().GetLoadingPrecedence() {
			if _, err := os.Stat(path); err == nil {
				there = append(there, path)
			}
		}
		if len(there) == 1 {
			if spec.Path, err = filepath.Abs(there[0]); err != nil {
				return spec, err
			}
		}
	}
	if spec.Context == "" {
		spec.Context = file.CurrentContext
	}
	_, err = Config(spec)
	return spec, err
}
