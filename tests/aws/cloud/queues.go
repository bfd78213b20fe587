package cloud

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/aws/stack"
)

// Queues is SQS: messages by the queue's ARN.
type Queues struct {
	c        *Cloud
	mu       sync.Mutex
	messages map[string][]message

	polling context.Context
	stop    context.CancelFunc
	pollers sync.WaitGroup
}

type message struct {
	id, body string
	received int
	// visible is when it may be received: after a delay, and again after a time in which whoever received it did not delete it.
	visible time.Time
}

func newQueues(c *Cloud) *Queues {
	q := &Queues{c: c, messages: map[string][]message{}}
	q.polling, q.stop = context.WithCancel(context.Background())
	return q
}

// end stops what polls.
func (q *Queues) end() {
	q.stop()
	q.pollers.Wait()
}

// Send puts a message into the queue of the logical name.
func (q *Queues) Send(logical, body string) { q.send(q.c.arn(logical), body, 0) }

func (q *Queues) send(arn, body string, delay time.Duration) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id = uuid.NewString()
	q.messages[arn] = append(q.messages[arn], message{id: id, body: body, visible: time.Now().Add(delay)})
	return id
}

// serve answers SendMessage.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func (q *Queues) serve(w http.ResponseWriter, body []byte) {
	var in struct {
		QueueURL     string `json:"QueueUrl"`
		MessageBody  string
		DelaySeconds int
	}
	if err := json.Unmarshal(body, &in); err != nil || in.MessageBody == "" || in.DelaySeconds < 0 || in.DelaySeconds > 900 {
		refuse(w, "sqs", http.StatusBadRequest, "InvalidParameterValue", "the message's body, or its delay")
		return
	}
	id := q.send(queueARN(in.QueueURL), in.MessageBody, time.Duration(in.DelaySeconds)*time.Second)
	sum := md5.Sum([]byte(in.MessageBody))
	reply(w, http.StatusOK, map[string]string{"MessageId": id, "MD5OfMessageBody": hex.EncodeToString(sum[:])})
}

// queueARN is the ARN of the queue of the URL.
func queueARN(url string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", Region, Account, path.Base(url))
}

// Bodies are the messages in a queue, received by somebody or not.
func (q *Queues) Bodies(logical string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for _, m := range q.messages[q.c.arn(logical)] {
		all = append(all, m.body)
	}
	return all
}

// Lose takes all messages out of a queue, as if they had been lost.
func (q *Queues) Lose(logical string) (bodies []string) {
	bodies = q.Bodies(logical)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages[q.c.arn(logical)] = nil
	return bodies
}

// Redrive moves all messages from one queue to another, as an operator does.
func (q *Queues) Redrive(from, to string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a, b := q.c.arn(from), q.c.arn(to)
	q.messages[b] = append(q.messages[b], q.messages[a]...)
	q.messages[a] = nil
}

// Deliver hands the messages of the queue to the function that the template lets it invoke, in one batch, also before
// their time. Those that the answer names stay; the others are gone. It returns how many stay.
func (q *Queues) Deliver(logical string) int {
	q.c.t.Helper()
	arn := q.c.arn(logical)
	batch := q.receive(arn, math.MaxInt, time.Time{}, 0)
	d, _ := q.c.invokedBy(arn)
	r, err := d.process.Invoke(q.c.t.Context(), q.event(arn, batch), function.Options{})
	if err != nil {
		q.c.t.Fatal(err)
	}
	q.answered(arn, batch, r)
	return len(q.Bodies(logical))
}

// receive takes up to most messages that are visible at the time, zero: all, and hides them for a while.
func (q *Queues) receive(arn string, most int, at time.Time, hide time.Duration) []message {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []message
	for i := range q.messages[arn] {
		m := &q.messages[arn][i]
		if len(batch) < most && (at.IsZero() || !m.visible.After(at)) {
			m.received++
			m.visible = time.Now().Add(hide)
			batch = append(batch, *m)
		}
	}
	return batch
}

// event is what the function gets.
func (q *Queues) event(arn string, batch []message) []byte {
	var event events.SQSEvent
	for _, m := range batch {
		event.Records = append(event.Records, events.SQSMessage{MessageId: m.id, ReceiptHandle: "h" + m.id, Body: m.body, EventSource: "aws:sqs",
			EventSourceARN: arn, AWSRegion: Region, Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)}})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		q.c.t.Error(err)
	}
	return payload
}

// answered deletes what the function has done.
func (q *Queues) answered(arn string, batch []message, r function.Result) {
	var answer events.SQSEventResponse
	all := r.Error != "" || json.Unmarshal(r.Payload, &answer) != nil
	done := map[string]bool{}
	for _, m := range batch {
		done[m.id] = !all
	}
	for _, f := range answer.BatchItemFailures {
		done[f.ItemIdentifier] = false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages[arn] = slices.DeleteFunc(q.messages[arn], func(m message) bool { return done[m.id] })
}

// Poll has the queue invoke its function as Lambda does, until the test ends: each message when its delay is over, in
// batches as the template says, and what was not done again when it is visible again, or else to the dead letters.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (q *Queues) Poll(logical string) {
	q.c.t.Helper()
	arn := q.c.arn(logical)
	p, err := q.c.Stack.Properties(logical)
	if err != nil {
		q.c.t.Fatal(err)
	}
	hide := time.Duration(p["VisibilityTimeout"].(int)) * time.Second
	redrive := p["RedrivePolicy"].(map[string]any)
	d, source := q.c.invokedBy(arn)
	if hide < d.Timeout {
		q.c.t.Fatalf("%s hides a message for %s, and the function may take %s", logical, hide, d.Timeout)
	}
	q.pollers.Go(func() {
		for q.polling.Err() == nil {
			q.bury(arn, redrive["deadLetterTargetArn"].(string), redrive["maxReceiveCount"].(int))
			if batch := q.receive(arn, source.Batch, time.Now(), hide); len(batch) > 0 {
				q.pollers.Go(func() {
					if r, err := d.process.Invoke(q.polling, q.event(arn, batch), function.Options{}); err == nil {
						q.answered(arn, batch, r)
					}
				})
				continue
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// bury moves what was received too often.
func (q *Queues) bury(arn, deadLetters string, most int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var kept []message
	for _, m := range q.messages[arn] {
		if m.received >= most && !m.visible.After(time.Now()) {
			q.messages[deadLetters] = append(q.messages[deadLetters], m)
		} else {
			kept = append(kept, m)
		}
	}
	q.messages[arn] = kept
}

// invokedBy is the function that the queue invokes, and how.
func (c *Cloud) invokedBy(queue string) (*deployed, stack.Source) {
	c.t.Helper()
	for _, d := range c.functions {
		for _, s := range d.Sources {
			if s.Queue == queue {
				return d, s
			}
		}
	}
	c.t.Fatalf("no function of the template is invoked by %s", queue)
	return nil, stack.Source{}
}
