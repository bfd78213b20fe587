// Package machine hands work over to the state machine, which invokes functions until it is done.
package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/shared/salvor"
)

// Machine is the state machine of infra/statemachines/work.asl.json.
type Machine struct {
	api *sfn.Client
	arn string
}

// New returns the machine of the ARN.
func New(config aws.Config, arn string) *Machine {
	return &Machine{api: sfn.NewFromConfig(config), arn: arn}
}

// maxAttempts is how many executions may come to an end without that anybody took the job up.
const maxAttempts = 50

// Start begins an execution that works on the job. An execution's name is made of the job and of how many processes
// have worked on it: asking twice starts one. Where one of that name has come to an end, and the job has not, another is
// begun. Unavailable: it may be tried again.
func (m *Machine) Start(ctx context.Context, job event.Job, epoch int64) error {
	input, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", job, err)
	}
	for attempt := 1; ; attempt++ {
		_, err = m.api.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &m.arn, Name: aws.String(name(job, epoch, attempt)), Input: aws.String(string(input))})
		var ended *types.ExecutionAlreadyExists // of one that still runs there is no error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &ended) || attempt == maxAttempts:
			return salvor.Errorf(salvor.Unavailable, "handing %s over to the state machine: %w", job, err)
		}
	}
}

// Backup works on a backup, or deletes it.
func (m *Machine) Backup(ctx context.Context, b *salvor.Backup) error {
	job := event.Job{Kind: salvor.KindBackup, ClusterID: b.Status.ClusterID, Name: b.Name}
	if b.Status.Phase == salvor.PhaseDeleting {
		job.Kind = event.KindDelete
	}
	return m.Start(ctx, job, b.Status.Lease.Epoch)
}

// Restore works on a restore.
func (m *Machine) Restore(ctx context.Context, r *salvor.Restore) error {
	return m.Start(ctx, event.Job{Kind: salvor.KindRestore, Name: r.Name}, r.Status.Lease.Epoch)
}

// name has at most 80 letters, digits and hyphens.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
func name(job event.Job, epoch int64, attempt int) string {
	sum := sha256.Sum256([]byte(job.String()))
	name := fmt.Sprintf("%s-%s-%d", strings.ToLower(job.Kind), hex.EncodeToString(sum[:12]), epoch)
	if attempt > 1 {
		name += fmt.Sprintf("-%d", attempt)
	}
	return name
}
