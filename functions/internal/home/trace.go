package home

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"time"
)

// Trace tells AWS X-Ray which steps an invocation takes: each is a subsegment of the segment that Lambda sends of the
// invocation. The daemon beside the function takes them by UDP; nothing is waited for, and one that is lost is missing.
// (The SDK of X-Ray does the same, and links gRPC and an HTTP server.) A nil Trace does nothing.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
type Trace struct {
	daemon       net.Conn
	now          func() time.Time
	root, parent string
	annotations  map[string]string

	mu   sync.Mutex
	step string
	from time.Time
}

// Trace begins the trace of an invocation; nil when Lambda does not trace this one.
func (h *Home) Trace(ctx context.Context) *Trace {
	header, _ := ctx.Value("x-amzn-trace-id").(string) // set by aws-lambda-go
	fields := map[string]string{}
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	if fields["Sampled"] != "1" || fields["Root"] == "" || fields["Parent"] == "" || h.Config.Traces == "" {
		return nil
	}
	annotations := map[string]string{}
	if id := origin(ctx); id != "" {
		annotations["request"] = id
	}
	daemon, err := net.Dial("udp", h.Config.Traces)
	if err != nil {
		h.Log.WarnContext(ctx, "no traces of steps", "error", err)
		return nil
	}
	return &Trace{daemon: daemon, now: h.Now, root: fields["Root"], parent: fields["Parent"], annotations: annotations}
}

// Step ends the step before, and begins one.
func (t *Trace) Step(name string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if name != t.step {
		t.send()
		t.step, t.from = name, t.now()
	}
}

// End ends the last step.
func (t *Trace) End() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.send()
	t.daemon.Close()
}

// send tells the step that has ended. X-Ray sees a trace without it if that fails.
func (t *Trace) send() {
	if t.step == "" {
		return
	}
	var id [8]byte
	rand.Read(id[:])
	data, err := json.Marshal(map[string]any{"name": t.step, "id": hex.EncodeToString(id[:]), "trace_id": t.root, "parent_id": t.parent,
		"type": "subsegment", "start_time": seconds(t.from), "end_time": seconds(t.now()), "annotations": t.annotations})
	if err == nil {
		_, _ = t.daemon.Write(append([]byte("{\"format\": \"json\", \"version\": 1}\n"), data...))
	}
	t.step = ""
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
