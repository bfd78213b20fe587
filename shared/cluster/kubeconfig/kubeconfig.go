// Package kubeconfig signs in to a cluster as a context of a kubeconfig file says. A context may run a credential
// plugin (users[].user.exec), as aws, gcloud and az write them.
package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"salvor.io/salvor/shared/salvor"
)

// Config returns the connection that a context of a kubeconfig file describes. Errors have the code NotFound when the
// file or the context is not there, and Invalid when the file can't be understood. Nothing is connected to.
func Config(spec salvor.KubeconfigCluster) (*rest.Config, error) {
	file, where, err := load(spec.Path)
	if err != nil {
		return nil, err
	}
	name := spec.Context
	if name == "" {
		name = file.CurrentContext
	}
	if name == "" {
		return nil, salvor.Errorf(salvor.NotFound, "%s has no current context", where).WithHint("name one: %s", contexts(file))
	}
	if file.Contexts[name] == nil {
		return nil, salvor.Errorf(salvor.NotFound, "%s has no context %q", where, name).WithHint("it has %s", contexts(file))
	}
	if err := complete(file, name); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "context %q of %s: %w", name, where, err)
	}
	// Not the loader that falls back to the service account of a pod: a cluster other than the one named would answer.
	config, err := clientcmd.NewNonInteractiveClientConfig(*file, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading context %q of %s: %w", name, where, err)
	}
	return config, nil
}

// complete makes sure that what the context names is there: without its user one would sign in as nobody, which API
// servers let do little, but do let in.
func complete(file *clientcmdapi.Config, name string) error {
	c := file.Contexts[name]
	if file.Clusters[c.Cluster] == nil {
		return fmt.Errorf("there is no cluster %q", c.Cluster)
	}
	if c.AuthInfo != "" && file.AuthInfos[c.AuthInfo] == nil {
		return fmt.Errorf("there is no user %q", c.AuthInfo)
	}
	return nil
}

// load reads one file, or those that kubectl would read. It also says in words which.
func load(path string) (file *clientcmdapi.Config, where string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.Warner = func(error) {} // of files in $KUBECONFIG that are missing; if all are, the error below says so
	where = "kubeconfig " + strings.Join(rules.Precedence, ", ")
	if path != "" {
		where = "kubeconfig " + path
		rules.ExplicitPath = path
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, where, salvor.Errorf(salvor.NotFound, "%s does not exist", where)
		}
	}
	file, err = rules.Load()
	if errors.Is(err, fs.ErrPermission) {
		return nil, where, salvor.Errorf(salvor.Forbidden, "reading %s: %w", where, err)
	}
	if err != nil {
		return nil, where, salvor.Errorf(salvor.Invalid, "reading %s: %w", where, err)
	}
	if len(file.Contexts) == 0 {
		return nil, where, salvor.Errorf(salvor.NotFound, "%s does not exist or has no context", where).
			WithHint("give the path of a kubeconfig file")
	}
	return file, where, nil
}

// contexts lists the names of the contexts.
func contexts(file *clientcmdapi.Config) string {
	names := slices.Sorted(maps.Keys(file.Contexts))
	for i, n := range names {
		names[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(names, ", ")
}
