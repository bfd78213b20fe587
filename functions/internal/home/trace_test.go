package home

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// traced is a context of an invocation with that trace header, as aws-lambda-go makes it.
type traced struct {
	context.Context
	header string
}

func (c traced) Value(key any) any {
	if key == "x-amzn-trace-id" {
		return c.header
	}
	return c.Context.Value(key)
}

// Each step that ends is told, with the request that the work comes from, in the trace of the invocation.
func TestStepsAreTold(t *testing.T) {
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	clock := time.Unix(1_795_312_800, 0)
	h := &Home{Now: func() time.Time { clock = clock.Add(time.Second); return clock }, Log: slog.Default(), Config: Config{Traces: daemon.LocalAddr().String()}}
	ctx := CameFrom(traced{t.Context(), "Root=1-67891234-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"},
		salvor.ObjectMeta{Annotations: map[string]string{salvor.RequestAnnotation: "r-1"}})
	trace := h.Trace(ctx)
	trace.Step("cut")
	trace.Step("cut")
	trace.Step("capture")
	trace.End()
	for i, want := range []map[string]any{
		{"name": "cut", "start_time": 1_795_312_801.0, "end_time": 1_795_312_802.0},
		{"name": "capture", "start_time": 1_795_312_803.0, "end_time": 1_795_312_804.0},
	} {
		buffer := make([]byte, 4096)
		_ = daemon.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := daemon.ReadFrom(buffer)
		if err != nil {
			t.Fatalf("document %d: %v", i, err)
		}
		_, document, _ := bytes.Cut(buffer[:n], []byte("\n"))
		var got map[string]any
		if err := json.Unmarshal(document, &got); err != nil {
			t.Fatal(err)
		}
		want["trace_id"], want["parent_id"], want["type"] = "1-67891234-abcdef012345678912345678", "53995c3f42cd8ad8", "subsegment"
		for name, value := range want {
			if got[name] != value {
				t.Errorf("document %d: %s is %v, want %v", i, name, got[name], value)
			}
		}
		if a, _ := got["annotations"].(map[string]any); a["request"] != "r-1" {
			t.Errorf("document %d has the annotations %v", i, a)
		}
	}
}

// Nothing is sent of an invocation that Lambda does not trace.
func TestUntracedInvocationsAreNotTold(t *testing.T) {
	h := &Home{Now: time.Now, Log: slog.Default(), Config: Config{Traces: "127.0.0.1:1"}}
	for _, header := range []string{"", "Root=1-67891234-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0"} {
		trace := h.Trace(traced{t.Context(), header})
		if trace != nil {
			t.Errorf("with %q there is a trace", header)
		}
		trace.Step("cut")
		trace.End()
	}
}
