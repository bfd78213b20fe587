// Command awslocal answers for STS and EKS, as far as signing in to throw-away clusters takes them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/tools/internal/awslocal"
	"salvor.io/salvor/tools/internal/pki"
)

// healthPort is where aws-iam-authenticator serves /healthz on all addresses, whatever it is told.
const healthPort = 21363

func main() {
	if err := run(); err != nil {
		slog.Error("serving AWS", "error", err)
		os.Exit(1)
	}
}

func run() error {
	s := &awslocal.Server{Now: time.Now, Log: slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	listen := flag.String("listen", "", "address, of 127.0.0.1")
	cert := flag.String("ca-cert", "", "certificate of the authority that signs certificates of STS")
	key := flag.String("ca-key", "", "its key")
	flag.StringVar(&s.Accounts, "accounts", "", "file of accounts")
	flag.Parse()
	var err error
	if s.Authority, err = pki.Load(*cert, *key); err != nil {
		return err
	}
	s.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	held := holdHealthPort(ctx)
	defer held()
	l, err := net.Listen("tcp4", *listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// holdHealthPort takes the port on 127.0.0.1, which any number of these may do at once, so that no authenticator can
// have it on all addresses: nothing here listens for other machines. It goes on without.
func holdHealthPort(ctx context.Context) (release func()) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if control := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); control != nil {
			return control
		}
		return err
	}}
	l, err := config.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", healthPort))
	if err != nil {
		return func() {}
	}
	return func() { l.Close() }
}
