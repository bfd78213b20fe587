package kube_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"salvor.io/salvor/shared/cluster/kube"
)

// overEach runs a test over each protocol.
func overEach(t *testing.T, name string, test func(*testing.T, kube.Protocol)) {
	for _, p := range []kube.Protocol{kube.SPDY, kube.WebSocket} {
		t.Run(name+" over "+string(p), func(t *testing.T) { test(t, p) })
	}
}

// remote is the far end of an exec: its streams by name, and the line they run in.
type remote struct {
	streams map[string]io.ReadWriteCloser
	line    io.Closer
	// hangUp ends the connection as both sides expect it: with SPDY, the end of the streams is enough.
	hangUp func()
}

// end says how the command ended, as kubelet does.
func (r *remote) end(s metav1.Status) {
	json.NewEncoder(r.streams["error"]).Encode(s)
	r.close()
}

// close ends the streams.
func (r *remote) close() {
	for _, s := range r.streams {
		s.Close()
	}
	r.hangUp()
}

// kubelet plays the far end over either protocol: play runs once the streams are open, all of them.
func kubelet(t *testing.T, streams int, play func(*remote)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if wsstream.IsWebSocketRequest(req) {
			webSocketKubelet(t, w, req, play)
			return
		}
		spdyKubelet(t, w, req, streams, play)
	}
}

func spdyKubelet(t *testing.T, w http.ResponseWriter, req *http.Request, streams int, play func(*remote)) {
	opened := make(chan httpstream.Stream, streams)
	if _, err := httpstream.Handshake(req, w, []string{"v5.channel.k8s.io", "v4.channel.k8s.io"}); err != nil {
		t.Error(err)
		return
	}
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, req, func(s httpstream.Stream, sent <-chan struct{}) error {
		go func() { <-sent; opened <- s }()
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	r := &remote{streams: map[string]io.ReadWriteCloser{}, line: conn, hangUp: func() {}}
	for range streams {
		select {
		case s := <-opened:
			r.streams[s.Headers().Get("streamType")] = s
		case <-time.After(time.Minute):
			t.Errorf("the streams opened are only %v", r.streams)
			return
		}
	}
	play(r)
	<-conn.CloseChan()
}

// webSocketKubelet is what API servers and container runtimes do: their library, and an empty message first.
func webSocketKubelet(t *testing.T, w http.ResponseWriter, req *http.Request, play func(*remote)) {
	channels := []wsstream.ChannelType{wsstream.IgnoreChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.IgnoreChannel}
	if req.URL.Query().Get("stdin") == "true" {
		channels[0] = wsstream.ReadChannel
	}
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{
		"v4.channel.k8s.io": {Binary: true, Channels: channels},
		"v5.channel.k8s.io": {Binary: true, Channels: channels},
	})
	tapped := &tap{ResponseWriter: w}
	_, streams, err := conn.Open(tapped, req)
	if err != nil {
		t.Error(err)
		return
	}
	streams[1].Write(nil)
	play(&remote{line: tapped.conn, hangUp: func() { conn.Close() },
		streams: map[string]io.ReadWriteCloser{"stdin": streams[0], "stdout": streams[1], "stderr": streams[2], "error": streams[3]}})
	conn.Close()
}

// tap keeps the connection that a handler takes over.
type tap struct {
	http.ResponseWriter
	conn net.Conn
}

func (t *tap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.conn = conn
	return conn, buffered, err
}
