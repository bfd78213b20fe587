package home

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"salvor.io/salvor/shared/salvor"
)

// newLog writes JSON, one object a line, as CloudWatch reads it.
func newLog(w io.Writer, c Config) *slog.Logger {
	json := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.LogLevel})
	return slog.New(requestLog{json}).With("function", c.Function)
}

// requestLog adds to each line the request id of the invocation, and of the one that asked for the work: by that, all
// that one event brought about is found, whoever did it.
type requestLog struct{ slog.Handler }

// Handle adds the request ids and hands the line on.
func (l requestLog) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if id := origin(ctx); id != "" {
		r.AddAttrs(slog.String("origin_request_id", id))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs keeps the request id in loggers that are made of this one.
func (l requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{l.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the request id in loggers that are made of this one.
func (l requestLog) WithGroup(name string) slog.Handler { return requestLog{l.Handler.WithGroup(name)} }

// RequestID is the id that Lambda gave the invocation; empty outside of one.
func RequestID(ctx context.Context) string {
	if l, ok := lambdacontext.FromContext(ctx); ok {
		return l.AwsRequestID
	}
	return ""
}

type originKey struct{}

// CameFrom notes whose request the work in ctx comes from: that of the invocation which recorded the object.
func CameFrom(ctx context.Context, o salvor.ObjectMeta) context.Context {
	return context.WithValue(ctx, originKey{}, o.Annotations[salvor.RequestAnnotation])
}

// origin is the request id that CameFrom noted; empty when nobody did.
func origin(ctx context.Context) string {
	id, _ := ctx.Value(originKey{}).(string)
	return id
}
