package kube

import (
	"fmt"
	"io"
	"sync"
)

// The streams of the protocol v4.channel.k8s.io and later, in the order in which they are opened.
const (
	statusStream = "error"
	stdinStream  = "stdin"
	stdoutStream = "stdout"
	stderrStream = "stderr"
)

// converse opens the streams, passes input and outputs on, and returns what the
// runtime said in the end: nothing, if the connection ended first.
func converse(conn connection, in io.Reader, stdout, stderr io.Writer) (said []byte, err error) {
	streams := map[string]io.ReadWriteCloser{}
	for _, name := range []string{statusStream, stdinStream, stdoutStream, stderrStream} {
		if name == stdinStream && in == nil {
			continue
		}
		if streams[name], err = conn.open(name); err != nil {
			return nil, fmt.Errorf("opening %s: %w", name, err)
		}
	}
	fed := make(chan error, 1)
	if in != nil {
		go feed(conn, streams[stdinStream], in, fed)
	}
	// All have to be read at all times: one that isn't blocks the connection. The outputs never fail to take.
	var outputs sync.WaitGroup
	outputs.Go(func() { io.Copy(stdout, streams[stdoutStream]) })
	outputs.Go(func() { io.Copy(stderr, streams[stderrStream]) })
	said, err = io.ReadAll(io.LimitReader(streams[statusStream], 1<<20))
	outputs.Wait()
	select {
	case lost := <-fed:
		if lost != nil {
			return nil, fmt.Errorf("reading its input: %w", lost)
		}
	default:
	}
	return said, err
}

// feed passes the input on. When it can't be read to its end the connection is closed, so that the command does not
// take a part for the whole. That the command takes no more is no error.
func feed(conn connection, stdin io.WriteCloser, in io.Reader, fed chan<- error) {
	source := &source{r: in}
	io.Copy(stdin, source)
	fed <- source.err
	if source.err != nil {
		conn.Close()
	}
	stdin.Close()
}

// source remembers the error of a reader, which io.Copy would mix with that of the writer.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
