package cloud

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"

	"salvor.io/salvor/tests/aws/function"
)

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
		c.Queues.send(d.OnFailure, string(record), 0)
	}
}
