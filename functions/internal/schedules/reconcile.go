package schedules

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Report is what came of a sweep, for people.
type Report struct {
	// Checked is how many BackupSchedules were looked at.
	Checked int `json:"checked"`
	// Repaired are schedules of AWS that were missing or not as they are to be; Removed are those that belong to nothing.
	Repaired []string `json:"repaired,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	// MadeUp are runs that no delivery had begun; Resumed are runs on which nobody worked any more.
	MadeUp  []string `json:"madeUp,omitempty"`
	Resumed []string `json:"resumed,omitempty"`
	// Failed says what could not be done.
	Failed []string `json:"failed,omitempty"`

	mu sync.Mutex
}

func (r *Report) add(list *[]string, what ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, what...)
}

// atOnce is how many schedules are looked at side by side.
const atOnce = 16

// Reconcile makes the group what the catalog says: it repairs what differs and removes what belongs to no BackupSchedule.
// The error says that it could not be told what there is; what could not be repaired is in the report.
func (s *Sync) Reconcile(ctx context.Context, r *Report) error {
	// What is there is listed first: what is made meanwhile is no orphan.
	there, err := s.list(ctx)
	if err != nil {
		return err
	}
	all, err := s.all(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	known := map[string]bool{}
	var mu sync.Mutex
	for _, b := range all {
		group.Go(func() error {
			names, err := s.repair(ctx, b, r)
			if err != nil {
				r.add(&r.Failed, fmt.Sprintf("schedule %q: %v", b.Name, err))
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				known[name] = true
			}
			// Of one that could not be told, nothing is an orphan.
			for n := 1; err != nil && n <= mostExpressions; n++ {
				known[awsName(b.Name, n)] = true
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is in the report
	for _, name := range there {
		if known[name] {
			continue
		}
		if _, err := s.remove(ctx, name); err != nil {
			r.add(&r.Failed, fmt.Sprintf("removing %s: %v", name, err))
			continue
		}
		r.add(&r.Removed, name)
	}
	r.Checked = len(all)
	return nil
}

// mostExpressions is more than any policy has: a minute of the hour each, for some days of the month each.
const mostExpressions = 999

// repair makes what differs as it is to be, and returns the names at AWS.
func (s *Sync) repair(ctx context.Context, b *salvor.BackupSchedule, r *Report) ([]string, error) {
	all, err := s.wanted(ctx, b)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range all {
		names = append(names, *w.Name)
		got, err := s.api.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: w.Name, GroupName: w.GroupName})
		var missing *types.ResourceNotFoundException
		if err != nil && !errors.As(err, &missing) {
			return names, coded(err)
		}
		if err == nil && w.is(got, s.Now()) {
			continue
		}
		if err := s.put(ctx, w); err != nil {
			return names, err
		}
		r.add(&r.Repaired, *w.Name)
	}
	return names, nil
}

// list returns the names of all schedules of the group.
func (s *Sync) list(ctx context.Context) ([]string, error) {
	var names []string
	pages := scheduler.NewListSchedulesPaginator(s.api, &scheduler.ListSchedulesInput{GroupName: &s.config.Group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the schedules of EventBridge: %w", coded(err))
		}
		for _, one := range page.Schedules {
			names = append(names, *one.Name)
		}
	}
	return names, nil
}

// all returns all BackupSchedules.
func (s *Sync) all(ctx context.Context) ([]*salvor.BackupSchedule, error) {
	var all []*salvor.BackupSchedule
	for cursor := ""; ; {
		page, next, err := s.catalog.List(ctx, salvor.KindBackupSchedule, cursor, catalog.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			all = append(all, o.(*salvor.BackupSchedule))
		}
		if cursor = next; next == "" {
			return all, nil
		}
	}
}
