package remote

import (
	"context"
	"net/http"
	"net/url"

	"salvor.io/salvor/shared/salvor"
)

// SyncLocation lets the service bring its catalog up to date with the location, and waits until that has ended.
func (c *Client) SyncLocation(ctx context.Context, name string) (*salvor.LocationSync, error) {
	path := "/v1/locations/" + url.PathEscape(name)
	before := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
	if err := c.call(ctx, http.MethodPost, path+"/sync", nil, nil, before); err != nil {
		return nil, err
	}
	for {
		if err := sleep(ctx); err != nil {
			return nil, err
		}
		now := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
		if err := c.call(ctx, http.MethodGet, path, nil, nil, now); err != nil {
			return nil, err
		}
		if now.ResourceVersion != before.ResourceVersion && now.Status.Sync != nil {
			return now.Status.Sync, nil
		}
	}
}
