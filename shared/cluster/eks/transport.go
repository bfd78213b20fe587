package eks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// transport puts the session's token into requests. One that is answered with 401 is sent again, once, with a token
// that is signed anew.
type transport struct {
	base    http.RoundTripper
	session *session
}

// WrappedRoundTripper lets client-go find the connections.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.base }

// RoundTrip sends the request as the session's identity.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := t.session.bearer(req.Context(), "")
	if err != nil {
		return nil, err
	}
	resp, err := t.base.RoundTrip(with(req, req.Body, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	body, ok := again(req)
	if !ok {
		return t.session.refused(req.Context(), resp), nil
	}
	discard(resp)
	if token, err = t.session.bearer(req.Context(), token); err != nil {
		return nil, err
	}
	resp, err = t.base.RoundTrip(with(req, body, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	return t.session.refused(req.Context(), resp), nil
}

// with returns a copy of the request that bears the token.
func with(req *http.Request, body io.ReadCloser, token string) *http.Request {
	r := req.Clone(req.Context())
	r.Body = body
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// again returns the body of the request from its beginning; not ok if it can't be had twice.
func again(req *http.Request) (body io.ReadCloser, ok bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

// discard reads what is left of a short answer, so that its connection can be used again.
func discard(resp *http.Response) {
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
}

// refused puts into a 401, of which the API server says nothing but "Unauthorized", who was refused and what to do.
func (s *session) refused(ctx context.Context, resp *http.Response) *http.Response {
	discard(resp)
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Reason: metav1.StatusReasonUnauthorized, Code: http.StatusUnauthorized, Message: s.reason(ctx),
	}
	body, err := json.Marshal(status)
	if err != nil {
		body = []byte("Unauthorized")
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
	resp.Header.Del("Content-Encoding")
	return resp
}

// reason says why the cluster refused a token that was just signed. What a cluster does with a token is a question to
// STS and a look at its access entries: when STS knows the signer, it is the entry that is missing.
func (s *session) reason(ctx context.Context) string {
	who, err := s.identity(ctx)
	if err != nil {
		return fmt.Sprintf("EKS cluster %s refused the sign-in, because AWS refuses the credentials behind it: %v", s.arn, err)
	}
	return fmt.Sprintf("EKS cluster %s does not know %s: no access entry maps it to a Kubernetes group; deploy infra/cluster-access.yaml, or "+
		"aws eks create-access-entry --region %s --cluster-name %s --principal-arn %s --kubernetes-groups salvor-backup",
		s.arn, who.ARN, s.region, s.name, who.Principal)
}
