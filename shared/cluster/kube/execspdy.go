package kube

import (
	"context"
	"io"
	"net/http"

	//lint:ignore SA1019 client-go dials in these types
	"k8s.io/apimachinery/pkg/util/httpstream"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"salvor.io/salvor/shared/cluster"
)

// overSPDY is an exec in SPDY streams. The command begins when all are open.
type overSPDY struct{ httpstream.Connection }

func (c overSPDY) open(name string) (io.ReadWriteCloser, error) {
	header := http.Header{}
	header.Set("streamType", name)
	return c.CreateStream(header)
}

// dialSPDY asks for an exec by SPDY. With an error, nothing has begun.
func (c *Client) dialSPDY(ctx context.Context, r cluster.ExecRequest) (connection, error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.execURL(r), nil)
	if err != nil {
		return nil, err
	}
	// Only the protocols that end with a status.
	req.Header[httpstream.HeaderProtocolVersion] = []string{protocol.StreamProtocolV5Name, protocol.StreamProtocolV4Name}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refusal(SPDY, resp)
	}
	conn, err := upgrader.NewConnection(resp)
	if err != nil {
		return nil, block(SPDY, "%w", err)
	}
	if ctx.Err() != nil { // Exec has returned: the command must not begin now
		conn.Close()
		return nil, context.Cause(ctx)
	}
	return overSPDY{conn}, nil
}
