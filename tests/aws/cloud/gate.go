package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"salvor.io/salvor/tests/aws/signed"
	"salvor.io/salvor/tests/aws/stack"
)

// gate is what stands between one function and AWS.
type gate struct {
	c *Cloud
	d *deployed
}

// call is one request of a function, understood.
type call struct {
	service string
	request stack.Request
	body    []byte
	scope   *signed.Scope
	// assumed: it is not signed by the function's own role; EKS and STS find out by whose.
	assumed bool
}

// openGate returns the endpoint of the function's services.
func (c *Cloud) openGate(d *deployed) string { return c.serve(&gate{c, d}) }

// ServeHTTP takes one call.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, err := g.understand(r)
	if err != nil {
		refuse(w, "", http.StatusForbidden, "InvalidSignatureException", err.Error())
		return
	}
	if one.assumed {
		g.c.Clusters.serve(w, r, one)
		return
	}
	record(g.d.Logical, stack.Uses(g.d.policy, one.request))
	// Who asks STS for its own name needs no permission.
	if one.request.Action != "sts:GetCallerIdentity" && !stack.Allows(g.d.policy, one.request) {
		message := fmt.Sprintf("%s is not authorized to perform: %s on resource: %s", g.d.Role, one.request.Action, one.request.Resource)
		g.c.log("gate", "refused: "+message)
		refuse(w, one.service, http.StatusForbidden, "AccessDeniedException", message)
		return
	}
	if g.c.Interfere != nil {
		wait, down := g.c.Interfere(g.d.Logical, one.request)
		time.Sleep(wait)
		if down {
			refuse(w, one.service, http.StatusInternalServerError, "InternalServerError", "the test has switched it off")
			return
		}
	}
	switch one.service {
	case "dynamodb":
		g.forward(w, r, g.c.dynamo, one)
	case "s3":
		g.store(w, r, one)
	case "states":
		g.c.Machine.serve(w, one.body)
	case "scheduler":
		g.c.Scheduler.ServeHTTP(w, r)
	case "sqs":
		g.c.Queues.serve(w, one.body)
	case "eks", "sts":
		g.c.Clusters.serve(w, r, one)
	default:
		refuse(w, one.service, http.StatusNotImplemented, "NotImplemented", one.service)
	}
}

// understand checks who asks, and finds out for what.
func (g *gate) understand(r *http.Request) (*call, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	scope, err := signed.Parse(r)
	if err != nil {
		return nil, err
	}
	if scope.AccessKey != g.d.key.access {
		if scope.Service == "eks" || scope.Service == "sts" { // those of a role that the function has assumed, perhaps
			return &call{service: scope.Service, scope: scope, assumed: true}, nil
		}
		return nil, fmt.Errorf("the access key %s is not that of %s", scope.AccessKey, g.d.Name)
	}
	if err := scope.Check(r.Context(), r, body, g.d.key.secret); err != nil {
		return nil, err
	}
	one := &call{service: scope.Service, body: body, scope: scope}
	one.request, err = g.c.requestOf(scope, r, body)
	return one, err
}

// forward hands the call to a server.
func (g *gate) forward(w http.ResponseWriter, r *http.Request, endpoint string, one *call) {
	target, err := url.Parse(endpoint)
	if err != nil {
		refuse(w, one.service, http.StatusBadGateway, "Host", err.Error())
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	proxy.ServeHTTP(w, r)
}

// store signs the call again, as the gateway knows one user alone, and hands it over; the bucket's policy comes first.
func (g *gate) store(w http.ResponseWriter, r *http.Request, one *call) {
	if sid := stack.Denies(g.c.bucketPolicy, one.request); sid != "" {
		refuse(w, "s3", http.StatusForbidden, "AccessDenied", "the bucket's policy refuses it: "+sid)
		return
	}
	target, err := url.Parse(g.c.S3.Endpoint)
	if err != nil {
		refuse(w, "s3", http.StatusBadGateway, "Host", err.Error())
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = target.Host
		p.Out.Header.Del("X-Forwarded-For")
		p.Out.ContentLength = int64(len(one.body))
		if err := one.scope.Again(p.Out.Context(), p.Out, g.c.S3.AccessKey, g.c.S3.SecretKey, g.c.S3.Region); err != nil {
			g.c.log("gate", err.Error())
		}
	}}
	proxy.ServeHTTP(w, r)
}

// used are, by the function's logical name, the permissions of its role that calls needed, in all clouds of this process.
var (
	usedMu sync.Mutex
	used   = map[string]map[string]bool{}
)

// Used are the permissions of the function's role, as "Sid action", that its calls needed so far.
func Used(function string) map[string]bool {
	usedMu.Lock()
	defer usedMu.Unlock()
	return maps.Clone(used[function])
}

// record notes what a call needed.
func record(function string, permissions []string) {
	usedMu.Lock()
	defer usedMu.Unlock()
	if used[function] == nil {
		used[function] = map[string]bool{}
	}
	for _, p := range permissions {
		used[function][p] = true
	}
}

// refuse answers as the service does.
func refuse(w http.ResponseWriter, service string, status int, code, message string) {
	if service == "s3" {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", strings.TrimSuffix(code, "Exception"), message)
		return
	}
	w.Header().Set("X-Amzn-Errortype", code)
	reply(w, status, map[string]string{"__type": code, "message": message})
}

func reply(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
