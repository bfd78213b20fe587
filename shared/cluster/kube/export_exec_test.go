package kube

import (
	"bytes"
	"io"
	"sync"

	"github.com/gorilla/websocket"
)

// NewGate returns a gate and its close, for tests.
func NewGate(w io.Writer) (gated io.Writer, end func() error) {
	g := &gate{w: w}
	return g, g.close
}

// Demux passes messages through the streams of a WebSocket, and returns what came out of them. The connection breaks
// after the last.
func Demux(messages [][]byte) (stdout, stderr, status []byte, err error) {
	c := pipes()
	next := func() (int, io.Reader, error) {
		if len(messages) == 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		m := messages[0]
		messages = messages[1:]
		return websocket.BinaryMessage, bytes.NewReader(m), nil
	}
	var read sync.WaitGroup
	for name, to := range map[string]*[]byte{stdoutStream: &stdout, stderrStream: &stderr, statusStream: &status} {
		s, _ := c.open(name)
		read.Go(func() { *to, _ = io.ReadAll(s) })
	}
	err = c.demux(next)
	c.end(err)
	read.Wait()
	return stdout, stderr, status, err
}
