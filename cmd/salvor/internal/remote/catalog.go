package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

var _ catalog.Catalog = (*Client)(nil)

// paths are where the kinds are.
var paths = map[string]string{
	salvor.KindCluster: "/v1/clusters", salvor.KindBackupLocation: "/v1/locations", salvor.KindRule: "/v1/rules",
	salvor.KindSchedulePolicy: "/v1/schedulepolicies", salvor.KindBackupSchedule: "/v1/schedules", salvor.KindRestore: "/v1/restores",
}

// Close has nothing to let go of.
func (c *Client) Close() error { return nil }

// Create makes an object; a Restore begins.
func (c *Client) Create(ctx context.Context, o salvor.Object) error {
	if err := catalog.CheckObject(o); err != nil {
		return err
	}
	strip(o)
	return c.call(ctx, http.MethodPost, paths[o.GetKind()], nil, o, o)
}

// strip takes out what the service sets itself.
func strip(o salvor.Object) {
	m := o.Meta()
	m.ResourceVersion, m.RequestedBy = "", ""
}

// Update replaces an object. Restores are worked on by the service alone.
func (c *Client) Update(ctx context.Context, o salvor.Object) error {
	if o.GetKind() == salvor.KindRestore {
		return notHere()
	}
	err := c.call(ctx, http.MethodPut, paths[o.GetKind()]+"/"+o.Meta().Name, nil, o, o, "If-Match", strconv.Quote(o.Meta().ResourceVersion))
	if salvor.Is(err, salvor.NotFound) {
		return salvor.Errorf(salvor.Conflict, "it was deleted meanwhile")
	}
	return err
}

func notHere() error {
	return salvor.Errorf(salvor.Invalid, "this is done by the service behind --api, not by this program")
}

// Get reads an object.
func (c *Client) Get(ctx context.Context, kind, name string) (salvor.Object, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, salvor.Errorf(salvor.NotFound, "%s %q not found", kind, name)
	}
	o := salvor.New(kind)
	return o, c.call(ctx, http.MethodGet, paths[kind]+"/"+url.PathEscape(name), nil, nil, o)
}

// List reads a page of objects.
func (c *Client) List(ctx context.Context, kind, cursor string, limit int) ([]salvor.Object, string, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, "", err
	}
	var page struct {
		Items []json.RawMessage
		Next  string
	}
	if err := c.call(ctx, http.MethodGet, paths[kind], paging(cursor, limit), nil, &page); err != nil {
		return nil, "", err
	}
	var all []salvor.Object
	for _, raw := range page.Items {
		o, err := catalog.Decode(kind, "", raw)
		if err != nil {
			return nil, "", err
		}
		all = append(all, o)
	}
	return all, page.Next, nil
}

func paging(cursor string, limit int) url.Values {
	v := url.Values{}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	if limit > 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

// Delete removes an object.
func (c *Client) Delete(ctx context.Context, kind, name, resourceVersion string) error {
	var headers []string
	if resourceVersion != "" {
		headers = []string{"If-Match", strconv.Quote(resourceVersion)}
	}
	return c.call(ctx, http.MethodDelete, paths[kind]+"/"+url.PathEscape(name), nil, nil, nil, headers...)
}

// NewestGood finds the newest good backup of a namespace.
func (c *Client) NewestGood(ctx context.Context, clusterID, namespace string, at time.Time) (*salvor.Backup, error) {
	q := catalog.Query{ClusterID: clusterID, Namespace: namespace, To: at.Add(time.Nanosecond), Phases: []salvor.Phase{salvor.PhaseCompleted}, Limit: 1}
	page, err := c.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(page.Backups) == 0 {
		return nil, salvor.Errorf(salvor.NotFound, "no good backup of namespace %q", namespace)
	}
	return page.Backups[0], nil
}
