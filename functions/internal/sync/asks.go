package sync

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/salvor"
)

// Asks is the queue of syncs and exports that are asked for.
type Asks struct {
	api *sqs.Client
	url string
}

// NewAsks returns the queue of the URL.
func NewAsks(config aws.Config, url string) *Asks {
	return &Asks{api: sqs.NewFromConfig(config), url: url}
}

// Sync asks for a sync of the location. Unavailable: it may not have been asked for.
func (q *Asks) Sync(ctx context.Context, location string) error {
	return q.send(ctx, Event{Location: location})
}

// Changed asks for the export of an object that was stored or deleted, where its kind is exported. Of a location it asks for
// the export of all that there is.
func (q *Asks) Changed(ctx context.Context, kind, name string) error {
	if !rebuild.Exports(kind) && kind != salvor.KindBackupLocation {
		return nil
	}
	return q.send(ctx, Event{Export: &Object{Kind: kind, Name: name}})
}

func (q *Asks) send(ctx context.Context, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding what is asked of the sync: %w", err)
	}
	if _, err := q.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body))}); err != nil {
		return salvor.Errorf(salvor.Unavailable, "asking for a sync: %w", err)
	}
	return nil
}

// records does what messages ask for; those that fail come again.
func (s *Syncer) records(ctx context.Context, records []events.SQSMessage) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, r := range records {
		if _, err := s.one(ctx, []byte(r.Body)); err != nil {
			s.Log.ErrorContext(ctx, "message not done", "message", r.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		}
	}
	return response
}
