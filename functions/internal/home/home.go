// Package home is what every function of the AWS home has: its configuration, read from the environment once, its
// catalog in DynamoDB and its log.
//
// A function that only searches links this alone, and so starts in milliseconds; those that reach clusters and buckets
// add package engine.
package home

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"salvor.io/salvor/shared/catalog/dynamo"
)

// Home is one function's process: it serves many invocations, one after the other.
type Home struct {
	Config  Config
	AWS     aws.Config
	Catalog *dynamo.Catalog
	Log     *slog.Logger
	Now     func() time.Time

	logs io.Writer
}

// version is set by the linker.
var version = "devel"

// Open reads the environment and makes the clients. Nothing is sent yet. The error names the variable that is missing.
func Open(ctx context.Context, getenv func(string) string, logs io.Writer, needs ...Need) (*Home, error) {
	c, err := readConfig(getenv, needs)
	if err != nil {
		return nil, err
	}
	sdk, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	c.Salvor = version
	h := &Home{Config: c, AWS: sdk, Catalog: dynamo.Open(sdk, c.Table), Now: time.Now, logs: logs}
	h.Log = newLog(logs, c)
	return h, nil
}

// Holder names this invocation in leases, and no other: a retry of it, or a second delivery of its event, carries the
// same request id.
func (h *Home) Holder(ctx context.Context) string {
	return strings.Join([]string{h.Config.Function, RequestID(ctx), strings.ToLower(rand.Text()[:8])}, "/")
}
