package remote

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"salvor.io/salvor/shared/salvor"
)

func backupPath(id salvor.BackupID) string {
	return "/v1/backups/" + url.PathEscape(id.ClusterID) + "/" + url.PathEscape(id.Name)
}

// CreateBackup asks the service for a backup, which it makes. One of the same name and spec is the same backup.
func (c *Client) CreateBackup(ctx context.Context, b *salvor.Backup) error {
	ask := salvor.New(salvor.KindBackup).(*salvor.Backup)
	ask.Name, ask.Labels, ask.Annotations, ask.Spec = b.Name, b.Labels, b.Annotations, b.Spec
	return c.call(ctx, http.MethodPost, "/v1/backups", nil, ask, b)
}

// UpdateBackup is not for callers: backups are worked on by the service alone.
func (c *Client) UpdateBackup(context.Context, *salvor.Backup) error { return notHere() }

// GetBackup reads a backup.
func (c *Client) GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	return b, c.call(ctx, http.MethodGet, backupPath(id), nil, nil, b)
}

// DeleteBackup asks the service to delete a backup, also one that still owes a thaw when it is forced.
func (c *Client) DeleteBackup(ctx context.Context, id salvor.BackupID, _ string) error {
	return c.Remove(ctx, id, false, false)
}

// Remove is DeleteBackup, also of one that still owes a thaw when it is forced; if keep is set, its snapshots stay.
func (c *Client) Remove(ctx context.Context, id salvor.BackupID, force, keep bool) error {
	v := url.Values{}
	if keep {
		v.Set("keepSnapshots", "true")
	}
	if force {
		v.Set("force", "true")
	}
	return c.call(ctx, http.MethodDelete, backupPath(id), v, nil, nil)
}

// CancelBackup asks the service to thaw and stop.
func (c *Client) CancelBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	return b, c.call(ctx, http.MethodPost, backupPath(id)+"/cancel", nil, nil, b)
}

// HoldBackup asks the service to keep a backup from being deleted.
func (c *Client) HoldBackup(ctx context.Context, id salvor.BackupID, reason string) (*salvor.Backup, error) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	v := url.Values{}
	if reason != "" {
		v.Set("reason", reason)
	}
	return b, c.call(ctx, http.MethodPost, backupPath(id)+"/hold", v, nil, b)
}

// ReleaseBackup ends a hold.
func (c *Client) ReleaseBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	return b, c.call(ctx, http.MethodPost, backupPath(id)+"/release", nil, nil, b)
}

// CancelRestore asks the service to stop.
func (c *Client) CancelRestore(ctx context.Context, name string) (*salvor.Restore, error) {
	r := salvor.New(salvor.KindRestore).(*salvor.Restore)
	return r, c.call(ctx, http.MethodPost, "/v1/restores/"+url.PathEscape(name)+"/cancel", nil, nil, r)
}

// poll is how often it is asked how far work is.
const poll = time.Second

// AwaitBackup waits until the backup has ended, or waits for its snapshots alone, and tells its status meanwhile.
func (c *Client) AwaitBackup(ctx context.Context, id salvor.BackupID, tell func(salvor.BackupStatus)) (*salvor.Backup, error) {
	for {
		b, err := c.GetBackup(ctx, id)
		if err != nil || b.Status.Phase.Done() || b.Status.Phase == salvor.PhaseSettling {
			return b, err
		}
		tell(b.Status)
		if err := sleep(ctx); err != nil {
			return b, err
		}
	}
}

// AwaitRestore waits until the restore has ended; r holds it as it is.
func (c *Client) AwaitRestore(ctx context.Context, r *salvor.Restore, tell func(salvor.RestoreStatus)) error {
	for {
		o, err := c.Get(ctx, salvor.KindRestore, r.Name)
		if err != nil {
			return err
		}
		*r = *o.(*salvor.Restore)
		if r.Status.Phase.Done() {
			return nil
		}
		tell(r.Status)
		if err := sleep(ctx); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context) error {
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return salvor.Errorf(salvor.Canceled, "not waited for any more; the service goes on with it")
	case <-timer.C:
		return nil
	}
}

// RunSchedule asks the service for the runs of a schedule, as of a time; twice with one time does it once.
func (c *Client) RunSchedule(ctx context.Context, name string, at time.Time) ([]*salvor.Backup, error) {
	v := url.Values{"at": {at.UTC().Format(time.RFC3339)}}
	var page struct{ Items []*salvor.Backup }
	err := c.call(ctx, http.MethodPost, "/v1/schedules/"+url.PathEscape(name)+"/run", v, nil, &page)
	return page.Items, err
}
