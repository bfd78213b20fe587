// Package wake sends the messages that wake the watchdog: one before an application is frozen, which arrives when the
// worker's lease has ended, and another for as long as there is something to look after.
package wake

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"salvor.io/salvor/shared/salvor"
)

// Call asks the watchdog to look at one backup.
type Call struct {
	// Backup that may owe a thaw.
	Backup salvor.BackupID `json:"thaw"`
	// HandedOn is the epoch of a backup that the watchdog has handed on: it is looked at until it has ended.
	HandedOn int64 `json:"handedOn,omitempty"`
}

// mostDelay is the longest that SQS holds a message back.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
const mostDelay = 15 * time.Minute

// Queue is the watchdog's.
type Queue struct {
	api *sqs.Client
	url string
	now func() time.Time
}

// NewQueue returns the queue of the URL.
func NewQueue(config aws.Config, url string, now func() time.Time) *Queue {
	return &Queue{api: sqs.NewFromConfig(config), url: url, now: now}
}

// Wake sends the message that has the watchdog look at a backup a little after the time given.
func (q *Queue) Wake(ctx context.Context, id salvor.BackupID, at time.Time) error {
	return q.Send(ctx, Call{Backup: id}, at)
}

// Send is Wake for any call. What is further away than SQS can wait is delivered too early: whoever gets it looks at the
// time, and sends it again. Unavailable: it may not have been sent.
func (q *Queue) Send(ctx context.Context, call Call, at time.Time) error {
	body, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("encoding the message about backup %s: %w", call.Backup, err)
	}
	in := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body)), DelaySeconds: delay(at.Sub(q.now()))}
	if _, err := q.api.SendMessage(ctx, in); err != nil {
		return salvor.Errorf(salvor.Unavailable, "sending the watchdog a message about backup %s: %w", call.Backup, err)
	}
	return nil
}

// delay is in whole seconds, and never too short: a lease that still lives can't be taken over.
func delay(d time.Duration) int32 {
	return int32(math.Floor(min(max(d, 0)+time.Second, mostDelay).Seconds()))
}
