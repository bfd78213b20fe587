package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/kubeapi"
	"salvor.io/salvor/tools/internal/pki"
)

// compactRevKey is where API servers tell each other how far history is gone
// (k8s.io/apiserver, pkg/storage/etcd3/compact.go). Their caches follow it.
const compactRevKey = "compact_rev_key"

// cacheLag is how long an API server may go on answering from its own snapshots
// what etcd has forgotten: its caches look every 15 s (cacher/compactor.go).
const cacheLag = 30 * time.Second

// Compact forgets every revision before etcd's present one, and returns that
// one when the API server answers 410 for what was before it.
func Compact(ctx context.Context, up Result) (int64, error) {
	l := layout(up.Dir)
	etcd, api, err := clients(l, up.Server)
	if err != nil {
		return 0, err
	}
	put := map[string]any{"key": []byte(compactRevKey), "value": []byte("0")}
	var at struct {
		Header struct {
			Revision int64 `json:"revision,string"`
		} `json:"header"`
	}
	// A first write makes the present revision younger than any the caller read.
	if err := etcd.Post(ctx, "/v3/kv/put", put, &at); err != nil {
		return 0, fmt.Errorf("reading the revision of etcd: %w", err)
	}
	revision := at.Header.Revision
	put["value"] = []byte(strconv.FormatInt(revision, 10))
	if err := etcd.Post(ctx, "/v3/kv/put", put, nil); err != nil {
		return 0, fmt.Errorf("telling the API server of the compaction: %w", err)
	}
	if err := etcd.Post(ctx, "/v3/kv/compaction", map[string]any{"revision": strconv.FormatInt(revision, 10)}, nil); err != nil {
		return 0, fmt.Errorf("compacting etcd at revision %d: %w", revision, err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, cacheLag, errors.New("its caches still answer after 30 s"))
	defer cancel()
	for _, kind := range []string{"/api/v1/configmaps", "/api/v1/secrets", "/api/v1/pods", "/apis/apps/v1/deployments"} {
		path := fmt.Sprintf("%s?limit=1&resourceVersionMatch=Exact&resourceVersion=%d", kind, revision-1)
		if err := child.Poll(limited, "the API server to forget "+kind, gone(api, path)); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// gone asks whether path answers 410.
func gone(api *kubeapi.Client, path string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		err := api.Get(ctx, path, nil)
		var status *kubeapi.StatusError
		return errors.As(err, &status) && status.Code == http.StatusGone, err
	}
}

// clients returns one for etcd's JSON gateway and one for the API server.
func clients(l layout, server string) (etcd, api *kubeapi.Client, err error) {
	ca, err := os.ReadFile(l.cert("ca"))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the authority: %w", err)
	}
	etcdURL, err := os.ReadFile(l.etcdURL())
	if err != nil {
		return nil, nil, fmt.Errorf("reading the address of etcd: %w", err)
	}
	// The API server's kubelet client is an administrator, too.
	id, err := pki.LoadIdentity(l.cert("kubelet-client"), l.key("kubelet-client"))
	if err != nil {
		return nil, nil, err
	}
	if etcd, err = kubeapi.New(string(etcdURL), ca, id); err != nil {
		return nil, nil, err
	}
	api, err = kubeapi.New(server, ca, id)
	return etcd, api, err
}
