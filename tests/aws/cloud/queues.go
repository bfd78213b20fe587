package cloud

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"salvor.io/salvor/tests/aws/function"
)

// Queues is SQS: messages by the queue's ARN.
type Queues struct {
	c        *Cloud
	mu       sync.Mutex
	messages map[string][]message
}

type message struct {
	id, body string
	received int
}

func newQueues(c *Cloud) *Queues { return &Queues{c: c, messages: map[string][]message{}} }

// Send puts a message into the queue of the logical name.
func (q *Queues) Send(logical, body string) { q.send(q.c.arn(logical), body) }

func (q *Queues) send(arn, body string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages[arn] = append(q.messages[arn], message{id: uuid.NewString(), body: body})
}

// Bodies are the messages in a queue.
func (q *Queues) Bodies(logical string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for _, m := range q.messages[q.c.arn(logical)] {
		all = append(all, m.body)
	}
	return all
}

// Redrive moves all messages from one queue to another, as an operator does.
func (q *Queues) Redrive(from, to string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a, b := q.c.arn(from), q.c.arn(to)
	q.messages[b] = append(q.messages[b], q.messages[a]...)
	q.messages[a] = nil
}

// Deliver hands the messages of the queue to the function that the template lets it invoke, in one batch. Those that
// the answer names stay; the others are gone. It returns how many stay.
func (q *Queues) Deliver(logical string) int {
	q.c.t.Helper()
	arn := q.c.arn(logical)
	q.mu.Lock()
	batch := q.messages[arn]
	q.messages[arn] = nil
	q.mu.Unlock()
	var event events.SQSEvent
	for _, m := range batch {
		event.Records = append(event.Records, events.SQSMessage{MessageId: m.id, ReceiptHandle: "h" + m.id, Body: m.body, EventSource: "aws:sqs",
			EventSourceARN: arn, AWSRegion: Region, Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received + 1)}})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		q.c.t.Fatal(err)
	}
	r, err := q.c.invokedBy(arn).process.Invoke(q.c.t.Context(), payload, function.Options{})
	if err != nil {
		q.c.t.Fatal(err)
	}
	return q.keep(arn, batch, r)
}

func (q *Queues) keep(arn string, batch []message, r function.Result) int {
	var answer events.SQSEventResponse
	all := r.Error != "" || json.Unmarshal(r.Payload, &answer) != nil
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range batch {
		if all || failed[m.id] {
			m.received++
			q.messages[arn] = append(q.messages[arn], m)
		}
	}
	return len(q.messages[arn])
}

func (c *Cloud) invokedBy(queue string) *deployed {
	c.t.Helper()
	for _, d := range c.functions {
		for _, arn := range d.Queues {
			if arn == queue {
				return d
			}
		}
	}
	c.t.Fatalf("no function of the template is invoked by %s", queue)
	return nil
}

// Async is an asynchronous invocation: tried again when it fails, as often as the template says, and in the end handed
// to the queue for failures. It returns when that is over.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func (c *Cloud) Async(ctx context.Context, logical, payload string) {
	d := c.functions[logical]
	if len(payload) > function.MaxAsync {
		c.log(d.Name, "async: too large")
		return
	}
	id := uuid.NewString()
	var last function.Result
	for try := 0; try <= d.Retries; try++ {
		r, err := d.process.Invoke(ctx, []byte(payload), function.Options{RequestID: id})
		if err == nil && r.Error == "" {
			return
		}
		if last = r; err != nil {
			last.Payload = []byte(strconv.Quote(err.Error()))
		}
	}
	record, err := json.Marshal(map[string]any{"version": "1.0",
		"requestContext":  map[string]any{"requestId": id, "functionArn": d.ARN, "condition": "RetriesExhausted", "approximateInvokeCount": d.Retries + 1},
		"requestPayload":  json.RawMessage(payload),
		"responseContext": map[string]any{"functionError": "Unhandled"}, "responsePayload": json.RawMessage(last.Payload)})
	if err != nil {
		c.log(d.Name, "async: "+err.Error())
		return
	}
	if d.OnFailure != "" {
		c.Queues.send(d.OnFailure, string(record))
	}
}
