package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/gorilla/websocket"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"
)

// pingPause keeps load balancers from ending a connection over which nothing is said, mostly after a minute.
const pingPause = 15 * time.Second

// numbers are what streams are called in messages: the first byte of each.
var numbers = map[string]byte{
	stdinStream:  protocol.StreamStdIn,
	stdoutStream: protocol.StreamStdOut,
	stderrStream: protocol.StreamStdErr,
	statusStream: protocol.StreamErr,
}

// channels are the streams of an exec in the messages of one WebSocket. Messages come in order, so that all output is
// there before the final status.
type channels struct {
	conn *websocket.Conn
	// halfClose: the other side understands that a stream has ended.
	halfClose bool
	// in is where messages go, out where they are read.
	in  map[byte]*io.PipeWriter
	out map[byte]*io.PipeReader
}

func newChannels(conn *websocket.Conn, halfClose bool) *channels {
	c := pipes()
	c.conn, c.halfClose = conn, halfClose
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.end(c.demux(conn.NextReader))
	}()
	go c.keepUp(ended)
	return c
}

func pipes() *channels {
	c := &channels{in: map[byte]*io.PipeWriter{}, out: map[byte]*io.PipeReader{}}
	for _, name := range []string{stdoutStream, stderrStream, statusStream} {
		c.out[numbers[name]], c.in[numbers[name]] = io.Pipe()
	}
	return c
}

// Close ends the connection, and with it the streams.
func (c *channels) Close() error { return c.conn.Close() }

// keepUp pings until the streams have ended. That nothing comes back shows in no more than that the connection ends.
func (c *channels) keepUp(ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(pingPause):
			c.conn.WriteControl(websocket.PingMessage, nil, time.Time{}) // until the connection is closed
		}
	}
}

// end ends the streams that are read. Nil: they end as they should.
func (c *channels) end(err error) {
	for _, w := range c.in {
		w.CloseWithError(err)
	}
}

// maxStatus bounds what a final status may be.
const maxStatus = 1 << 20

// demux passes messages on to the streams that they are for, until the final status is whole or the connection ends.
func (c *channels) demux(next func() (kind int, message io.Reader, err error)) error {
	var status []byte
	buffer := make([]byte, bufferSize)
	for {
		kind, message, err := next()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != websocket.BinaryMessage {
			return fmt.Errorf("a message was of type %d", kind)
		}
		if _, err := io.ReadFull(message, buffer[:1]); err == io.EOF {
			continue
		} else if err != nil {
			return err
		}
		if number := buffer[0]; number != protocol.StreamErr {
			if err := c.pass(number, message, buffer); err != nil {
				return err
			}
			continue
		}
		part, err := io.ReadAll(io.LimitReader(message, maxStatus))
		if err != nil {
			return err
		}
		if status = append(status, part...); len(status) >= maxStatus {
			return fmt.Errorf("the final status has more than %d bytes", maxStatus)
		}
		if json.Valid(status) {
			_, err := c.in[protocol.StreamErr].Write(status)
			return err
		}
	}
}

// pass copies a message. What is for no stream goes nowhere, such as that a stream has ended: the status says that all have.
func (c *channels) pass(number byte, message io.Reader, buffer []byte) error {
	to := io.Discard
	if w, known := c.in[number]; known {
		to = w
	}
	_, err := io.CopyBuffer(to, message, buffer)
	return err
}

// open returns a stream. They need not be asked for: they are there with the connection.
func (c *channels) open(name string) (io.ReadWriteCloser, error) {
	number := numbers[name]
	return &channel{c.out[number], number, c}, nil
}

// channel is one stream of channels.
type channel struct {
	io.Reader
	number byte
	of     *channels
}

// Write sends a message. Only one stream of an exec is written, so that nothing else is sent meanwhile.
func (c *channel) Write(p []byte) (int, error) {
	w, err := c.of.conn.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return 0, err
	}
	w.Write([]byte{c.number}) // an error of it is that of Close
	w.Write(p)
	if err := w.Close(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close tells the other side that the stream has ended, if that can be told.
func (c *channel) Close() error {
	if !c.of.halfClose {
		return nil
	}
	return c.of.conn.WriteMessage(websocket.BinaryMessage, []byte{protocol.StreamClose, c.number})
}
