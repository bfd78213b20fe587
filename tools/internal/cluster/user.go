package cluster

import (
	neturl "net/url"
	"time"

	"salvor.io/salvor/tools/internal/pki"
)

// User writes a kubeconfig for a user of a running cluster, signed by its
// authority, and returns its path. What the user may do, RBAC says.
func User(up Result, user string, groups []string, now time.Time) (string, error) {
	certs, err := loadCerts(layout(up.Dir), now)
	if err != nil {
		return "", err
	}
	path := Kubeconfig(up.Dir, "user-"+neturl.PathEscape(user)) // a user may be called a/b
	_, err = certs.kubeconfig(path, up.Name, up.Server, pki.Request{Name: user, Groups: groups})
	return path, err
}
