package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"

	"github.com/gorilla/websocket"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/transport"

	"salvor.io/salvor/shared/cluster"
)

// bufferSize is that of the messages that Kubernetes sends: 32 KiB and the number of the channel.
const bufferSize = 33 << 10

// dialWebSocket asks for an exec by WebSocket. The command begins with the answer. When that doesn't come, or is not
// understood, it may have begun, or may begin yet: the error is cluster.ErrLost.
func (c *Client) dialWebSocket(ctx context.Context, r cluster.ExecRequest) (connection, error) {
	version := protocol.StreamProtocolV4Name
	if waitsForEnd(r) {
		version = protocol.StreamProtocolV5Name
	}
	u, signed, err := c.upgrade(version)
	if err != nil {
		return nil, err
	}
	sent, stop := false, func() bool { return true }
	defer func() { stop() }()
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			sent = true
			stop = context.AfterFunc(ctx, func() { i.Conn.Close() }) // an answer that doesn't come looks at no context
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { sent = sent && err == nil }, // behind a proxy
	})
	req, err := http.NewRequestWithContext(traced, http.MethodGet, c.execURL(r), nil)
	if err != nil {
		return nil, err
	}
	resp, err := signed.RoundTrip(req)
	if _, bounded := ctx.Deadline(); bounded && errors.Is(err, os.ErrDeadlineExceeded) {
		<-ctx.Done() // the connection has the same deadline, and may be the first to see it
	}
	switch {
	case err != nil && !sent:
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", cluster.ErrLost, err)
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, refusal(WebSocket, resp)
	case u.conn == nil:
		return nil, fmt.Errorf("%w: the answer to an upgrade to WebSocket is none", cluster.ErrLost)
	case u.conn.Subprotocol() != version:
		u.conn.Close()
		return nil, fmt.Errorf("%w: it speaks %q, not %s", cluster.ErrLost, u.conn.Subprotocol(), version)
	}
	return newChannels(u.conn, version == protocol.StreamProtocolV5Name), nil
}

// upgrade makes what dials, and the round tripper around it that signs in.
func (c *Client) upgrade(version string) (*upgrade, http.RoundTripper, error) {
	config, err := c.config.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	trust, err := transport.TLSConfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	proxy := c.config.Proxy
	if proxy == nil {
		proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	u := &upgrade{dialer: websocket.Dialer{Proxy: proxy, TLSClientConfig: trust, Subprotocols: []string{version},
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize}}
	signed, err := transport.HTTPWrappersForConfig(config, u)
	return u, signed, err
}

// upgrade is a round trip that ends in a WebSocket, if its answer is right.
type upgrade struct {
	dialer websocket.Dialer
	conn   *websocket.Conn
}

// RoundTrip returns any answer.
func (u *upgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	address := *req.URL
	address.Scheme = strings.Replace(address.Scheme, "http", "ws", 1)
	conn, resp, err := u.dialer.DialContext(req.Context(), address.String(), req.Header)
	if err == nil {
		u.conn = conn
	}
	if errors.Is(err, websocket.ErrBadHandshake) {
		return resp, nil
	}
	return resp, err
}
