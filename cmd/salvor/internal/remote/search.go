package remote

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Search finds backups.
func (c *Client) Search(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	return c.search(ctx, parameters(q))
}

// Containing finds those of the backups that contain an object, kind/name. A page may be short with more to come.
func (c *Client) Containing(ctx context.Context, q catalog.Query, object string) (catalog.Page, error) {
	v := parameters(q)
	v.Set("contains", object)
	return c.search(ctx, v)
}

func (c *Client) search(ctx context.Context, v url.Values) (catalog.Page, error) {
	var page struct {
		Items []*salvor.Backup
		Next  string
	}
	err := c.call(ctx, http.MethodGet, "/v1/backups", v, nil, &page)
	return catalog.Page{Backups: page.Items, Next: page.Next}, err
}

// parameters are those of the API that mean the query.
func parameters(q catalog.Query) url.Values {
	v := paging(q.Cursor, q.Limit)
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("cluster", q.ClusterID)
	set("namespace", q.Namespace)
	set("schedule", q.Schedule)
	set("name", q.Name)
	set("labels", q.Labels)
	set("app", q.App)
	var phases []string
	for _, p := range q.Phases {
		phases = append(phases, string(p))
	}
	set("phase", strings.Join(phases, ","))
	if q.OldestFirst {
		set("sort", "date")
	}
	if !q.From.IsZero() {
		set("from", q.From.UTC().Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		set("to", q.To.Add(-time.Nanosecond).UTC().Format(time.RFC3339Nano)) // the API includes the moment, and a Query does not
	}
	return v
}

// Count counts backups between bounds, which the API does by whole days of a zone: bounds have to be such days.
func (c *Client) Count(ctx context.Context, q catalog.Query, bounds []time.Time) ([]catalog.Tally, error) {
	counter, err := catalog.NewCounter(q, bounds)
	if err != nil {
		return nil, err
	}
	zone := bounds[0].Location().String()
	if zone == "Local" || zone == "" {
		return counter.Tallies, counter.BySearch(ctx, c) // the service does not know which zone this machine is in
	}
	v := parameters(counter.Filter.Query)
	v.Del("limit")
	v.Set("zone", zone)
	var calendar struct {
		Days []struct {
			Start time.Time
			catalog.Tally
		}
	}
	if err := c.call(ctx, http.MethodGet, "/v1/calendar", v, nil, &calendar); err != nil {
		return nil, err
	}
	if len(calendar.Days) != len(counter.Tallies) {
		return counter.Tallies, counter.BySearch(ctx, c)
	}
	for i, d := range calendar.Days {
		if !d.Start.Equal(bounds[i]) {
			return counter.Tallies, counter.BySearch(ctx, c)
		}
		counter.Tallies[i] = d.Tally
	}
	return counter.Tallies, nil
}
