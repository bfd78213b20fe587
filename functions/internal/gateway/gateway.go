// Package gateway lets an http.Handler answer the events of an API Gateway HTTP API (payload format 2.0).
package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/salvor"
)

// Handler returns a function for lambda.Start. An event that is no request of API Gateway is taken for the parameters
// of a search, as from the console's Test button, and answered with the bare result.
//
// Each request is a line of the log: it joins the request id of API Gateway, which its access log has, with that of the
// invocation, which objects and other logs have.
func Handler(h http.Handler, log *slog.Logger) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &e); err != nil || e.RequestContext.HTTP.Method == "" {
			return search(ctx, h, raw)
		}
		req, err := request(ctx, e)
		if err != nil {
			return nil, err
		}
		w := newRecorder()
		h.ServeHTTP(w, req)
		log.InfoContext(ctx, "request", "method", req.Method, "path", req.URL.Path, "status", w.status, "api_request_id", e.RequestContext.RequestID)
		return response(w), nil
	}
}

// request is the event as net/http knows it.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := e.Body
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, fmt.Errorf("decoding the request's body: %w", err)
		}
		body = string(decoded)
	}
	u := url.URL{Path: path(e), RawQuery: e.RawQueryString}
	ctx = httpapi.WithCaller(httpapi.WithRequestID(ctx, home.RequestID(ctx)), caller(e.RequestContext.Authorizer))
	req, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	return req, nil
}

// path leaves out the stage, which is in the path unless it is the default one.
func path(e events.APIGatewayV2HTTPRequest) string {
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		return strings.TrimPrefix(e.RawPath, "/"+stage)
	}
	return e.RawPath
}

// caller names who asks, as API Gateway has established.
func caller(a *events.APIGatewayV2HTTPRequestContextAuthorizerDescription) string {
	switch {
	case a == nil:
		return ""
	case a.IAM != nil:
		return a.IAM.UserARN
	case a.JWT != nil:
		return "jwt/" + a.JWT.Claims["sub"]
	}
	return ""
}

func response(w *recorder) events.APIGatewayV2HTTPResponse {
	r := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}, Body: w.body.String()}
	for name, values := range w.header {
		r.Headers[name] = strings.Join(values, ", ")
	}
	return r
}

// search answers an object of parameters, such as {"from": "yesterday", "namespace": "shop"}; with "calendar": true by counts
// per day. What is null is not given; a list is its values.
func search(ctx context.Context, h http.Handler, raw []byte) (any, error) {
	var parameters map[string]any
	if err := json.Unmarshal(raw, &parameters); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "the event is neither a request of API Gateway nor an object of search parameters: %w", err)
	}
	path := "/v1/backups"
	if counts, ok := parameters["calendar"].(bool); ok {
		if delete(parameters, "calendar"); counts {
			path = "/v1/calendar"
		}
	}
	query := url.Values{}
	for name, value := range parameters {
		values, ok := value.([]any)
		if !ok && value != nil {
			values = []any{value}
		}
		for _, one := range values {
			query.Add(name, fmt.Sprint(one))
		}
	}
	w := newRecorder()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("reading the parameters: %w", err)
	}
	h.ServeHTTP(w, req)
	if w.status != http.StatusOK {
		return nil, salvor.Errorf(salvor.Invalid, "%s", w.body.String())
	}
	return json.RawMessage(w.body.Bytes()), nil
}
