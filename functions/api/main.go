// Command api is the Lambda function behind the HTTP API: it keeps objects, and begins, cancels and deletes what takes
// long. It reaches neither clusters nor buckets. Every few minutes it looks after schedules, for it is the one that may keep
// them.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/gateway"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/machine"
	"salvor.io/salvor/functions/internal/schedules"
	"salvor.io/salvor/functions/internal/sync"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/restore"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.StateMachine,
		home.ScheduleGroup, home.ScheduleRole, home.ScheduleTarget, home.ScheduleDeadLetters, home.Syncs)
	if err != nil {
		log.Fatal(err)
	}
	m := machine.New(h.AWS, h.Config.StateMachine)
	keep := schedules.New(h.AWS, h.Catalog, h.Now, schedules.Config{Group: h.Config.ScheduleGroup, Role: h.Config.ScheduleRole,
		Target: h.Config.ScheduleTarget, DeadLetters: h.Config.ScheduleDeadLetters})
	engine := &backup.Engine{Catalog: h.Catalog, Now: h.Now}
	runs := engine.Schedules(h.Catalog, m.Backup)
	runs.Slack = schedules.Slack
	asks := sync.NewAsks(h.AWS, h.Config.Syncs)
	server := &httpapi.Server{Catalog: h.Catalog, Now: h.Now, Log: h.Log,
		Backups: engine, Schedules: runs,
		Restores:     &restore.Engine{Catalog: h.Catalog, Now: h.Now},
		WorkOnBackup: m.Backup, WorkOnRestore: m.Restore,
		Sync:   asks.Sync,
		Accept: keep.Accept, Changed: func(ctx context.Context, kind, name string) error {
			return errors.Join(keep.Changed(ctx, kind, name), asks.Changed(ctx, kind, name))
		},
	}
	sweep := &schedules.Sweep{Home: h, Sync: keep, Runs: runs}
	lambda.Start(sweep.Or(gateway.Handler(server.Handler(), h.Log)))
}
