package cloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/aws/signed"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/testenv"
)

// apiLimit ends a request, whatever the function does.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const apiLimit = 30 * time.Second

// API is the HTTP API of API Gateway: routes, IAM authorization, and events in the payload format 2.0.
type API struct {
	c      *Cloud
	routes []stack.Route
	// URL is where it is; AccessKey and SecretKey are those that calls are signed with.
	URL, AccessKey, SecretKey string
	// allowed is who may call it.
	allowed credentials
}

// callerARN is who these keys are.
const callerARN = "arn:aws:iam::" + Account + ":user/operator"

func newAPI(c *Cloud) *API {
	routes, err := c.Stack.Routes()
	if err != nil {
		c.t.Fatal(err)
	}
	a := &API{c: c, routes: routes, AccessKey: "AKIA" + upper(testenv.Unique()), SecretKey: testenv.Unique() + testenv.Unique()}
	a.allowed = credentials{access: a.AccessKey, secret: a.SecretKey}
	a.URL = c.serve(a)
	return a
}

// ServeHTTP finds the route, the caller and the function.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := Route(a.routes, r.Method, r.URL.Path)
	if route.Function == "" {
		reply(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) > 10<<20 {
		reply(w, http.StatusRequestEntityTooLarge, map[string]string{"message": "Request Entity Too Large"})
		return
	}
	if route.Authorization != "AWS_IAM" {
		reply(w, http.StatusForbidden, map[string]string{"message": "Forbidden"})
		return
	}
	if err := a.authorize(r, body); err != nil {
		a.c.log("api", "refused: "+err.Error())
		reply(w, http.StatusForbidden, map[string]string{"message": "Forbidden"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiLimit)
	defer cancel()
	payload, err := json.Marshal(event(route, r, body))
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"message": err.Error()})
		return
	}
	result, err := a.c.functions[route.Function].process.Invoke(ctx, payload, function.Options{})
	answer(w, result, err)
}

// Route finds the most specific route, none when there is none: one that names the method and the path in full goes first.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
func Route(routes []stack.Route, method, path string) stack.Route {
	best, found := stack.Route{}, -1
	for _, route := range routes {
		if route.Method != "ANY" && route.Method != method {
			continue
		}
		rank := -1
		prefix, greedy := strings.CutSuffix(route.Path, "{proxy+}")
		switch {
		case !greedy && route.Path == path:
			rank = 1000
		case greedy && strings.HasPrefix(path, prefix):
			rank = len(prefix)
		default:
			continue
		}
		if route.Method != "ANY" {
			rank++
		}
		if rank > found {
			best, found = route, rank
		}
	}
	return best
}

func (a *API) authorize(r *http.Request, body []byte) error {
	scope, err := signed.Parse(r)
	if err != nil {
		return err
	}
	if scope.AccessKey != a.allowed.access || scope.Service != "execute-api" || scope.Region != Region {
		return errNotAllowed
	}
	return scope.Check(r.Context(), r, body, a.allowed.secret)
}

// event is what the function gets.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func event(route stack.Route, r *http.Request, body []byte) events.APIGatewayV2HTTPRequest {
	now := time.Now()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: route.Method + " " + route.Path, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, QueryStringParameters: map[string]string{}, Body: string(body)}
	for name, values := range r.Header {
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		e.QueryStringParameters[name] = strings.Join(values, ",")
	}
	e.RequestContext = events.APIGatewayV2HTTPRequestContext{RouteKey: e.RouteKey, AccountID: Account, Stage: "$default", RequestID: uuid.NewString(),
		APIID: "a1b2c3d4", DomainName: r.Host, Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: "127.0.0.1", UserAgent: r.UserAgent()},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{AccountID: Account, CallerID: "AIDAOPERATOR", UserARN: callerARN, UserID: "AIDAOPERATOR"}},
	}
	return e
}

func answer(w http.ResponseWriter, result function.Result, err error) {
	var out events.APIGatewayV2HTTPResponse
	switch {
	case err != nil, result.Error != "", json.Unmarshal(result.Payload, &out) != nil, out.StatusCode == 0:
		status := http.StatusInternalServerError
		if result.Error == "Host.Stopped" || result.Error == "Sandbox.Timedout" {
			status = http.StatusServiceUnavailable
		}
		reply(w, status, map[string]string{"message": http.StatusText(status)})
		return
	}
	for name, value := range out.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(out.StatusCode)
	_, _ = io.WriteString(w, out.Body)
}
