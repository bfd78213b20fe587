package cloud

import (
	"bytes"
	"encoding/json"
	"net"
	"sync"
)

// Subsegment is what a function told X-Ray of one of its steps.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
type Subsegment struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	TraceID     string            `json:"trace_id"`
	ParentID    string            `json:"parent_id"`
	Type        string            `json:"type"`
	Start       float64           `json:"start_time"`
	End         float64           `json:"end_time"`
	Annotations map[string]string `json:"annotations"`
}

// Traces is the daemon of X-Ray beside each function.
type Traces struct {
	c    *Cloud
	conn net.PacketConn

	mu  sync.Mutex
	all []Subsegment
}

func newTraces(c *Cloud) *Traces {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	t := &Traces{c: c, conn: conn}
	go t.listen()
	return t
}

// listen takes documents until the connection is closed.
func (t *Traces) listen() {
	buffer := make([]byte, 64<<10) // the most that X-Ray takes
	for {
		n, _, err := t.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		header, document, _ := bytes.Cut(buffer[:n], []byte("\n"))
		var one Subsegment
		if err := json.Unmarshal(document, &one); err != nil || string(header) != `{"format": "json", "version": 1}` {
			t.c.log("xray", "not understood: "+string(buffer[:n]))
			continue
		}
		t.mu.Lock()
		t.all = append(t.all, one)
		t.mu.Unlock()
	}
}

// Subsegments are all that came so far.
func (t *Traces) Subsegments() []Subsegment {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Subsegment{}, t.all...)
}
