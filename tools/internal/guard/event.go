package guard

import (
	"bufio"
	"encoding/json"
	"io"
)

// event is what the server tells the guard, one JSON object a line; exactly one
// field is set.
type event struct {
	Step   string          `json:"step,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// readEvents sends every event from r and closes the channel at its end.
func readEvents(r io.Reader) <-chan event {
	events := make(chan event)
	go func() {
		defer close(events)
		lines := json.NewDecoder(bufio.NewReader(r))
		for {
			var e event
			if lines.Decode(&e) != nil {
				return
			}
			events <- e
		}
	}()
	return events
}
