package eks_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/salvor"
)

const (
	prodARN    = "arn:aws:eks:eu-central-1:111122223333:cluster/prod"
	accessRole = "arn:aws:iam::111122223333:role/salvor-access"
	externalID = "external-id-of-the-test"
	secretKey  = "SECRETKEY0123456789SECRETKEY0123456789"
	session    = "SESSIONTOKENSESSIONTOKEN"
)

// world is an AWS that answers as the test says, and a cluster.
type world struct {
	t   *testing.T
	aws *httptest.Server
	api *httptest.Server

	mu sync.Mutex
	// said are the regions and services that AWS was called in, with the action.
	said []string
	// answer, if set, takes a call of AWS over and tells that it has.
	answer func(w http.ResponseWriter, action string) bool
	// accept tells whether the API server takes the n-th token, from 1.
	accept func(n int, token *url.URL) bool
	arn    string
	status string
	tokens []string
	bodies []string
	roles  int
	clock  time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, arn: prodARN, status: "ACTIVE", clock: time.Now(), accept: func(int, *url.URL) bool { return true }}
	w.aws = httptest.NewServer(http.HandlerFunc(w.serveAWS))
	w.api = httptest.NewTLSServer(http.HandlerFunc(w.serveAPI))
	t.Cleanup(func() { w.aws.Close(); w.api.Close() })
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// access signs in as a user, in us-east-1, with the SDK's standard retryer.
func (w *world) access() *eks.Access {
	return w.accessOf(aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("AKIDCALLER", secretKey, session)))
}

func (w *world) accessOf(signer aws.CredentialsProvider) *eks.Access {
	return eks.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(w.aws.URL), Credentials: signer,
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}, w.now)
}

var (
	spec     = salvor.EKSCluster{ARN: prodARN}
	withRole = salvor.EKSCluster{ARN: prodARN, RoleARN: accessRole, ExternalID: externalID}
	scope    = regexp.MustCompile(`Credential=[^/]+/\d+/([^/]+)/([^/]+)/`)
)

func (w *world) serveAWS(rw http.ResponseWriter, r *http.Request) {
	action := r.Method + " " + r.URL.Path
	if r.URL.Path == "/" {
		action = r.FormValue("Action")
	}
	m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	w.mu.Lock()
	w.said = append(w.said, fmt.Sprintf("%s %s %s", m[2], m[1], action))
	answer := w.answer
	w.mu.Unlock()
	if answer != nil && answer(rw, action) {
		return
	}
	switch {
	case action == "AssumeRole":
		w.assumeRole(rw, r)
	case action == "GetCallerIdentity":
		fmt.Fprint(rw, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/salvor-access/salvor</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case strings.HasPrefix(r.URL.Path, "/clusters/"):
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.api.Certificate().Raw})
		json.NewEncoder(rw).Encode(map[string]any{"cluster": map[string]any{"arn": w.arn, "name": strings.TrimPrefix(r.URL.Path, "/clusters/"), "status": w.status,
			"endpoint": w.api.URL, "version": "1.36", "certificateAuthority": map[string]any{"data": base64.StdEncoding.EncodeToString(ca)}}})
	default:
		w.t.Errorf("AWS was asked for %s", action)
	}
}

func (w *world) assumeRole(rw http.ResponseWriter, r *http.Request) {
	if r.FormValue("RoleArn") != accessRole || r.FormValue("ExternalId") != externalID {
		refuse(rw, "AssumeRole", http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::999988887777:user/ada is not authorized to perform: sts:AssumeRole on resource: "+r.FormValue("RoleArn"))
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.roles++
	fmt.Fprintf(rw, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		w.roles, secretKey, session, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// refuse answers as STS does, or as EKS does.
func refuse(w http.ResponseWriter, action string, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	if strings.HasPrefix(action, http.MethodGet) {
		json.NewEncoder(w).Encode(map[string]string{"message": message})
		return
	}
	fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
}

func (w *world) serveAPI(rw http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	signed := decode(w.t, token)
	body := new(strings.Builder)
	if _, err := fmt.Fprint(body, r.Header.Get("Content-Type")); err == nil && r.Body != nil {
		buf := make([]byte, 1<<10)
		n, _ := r.Body.Read(buf)
		body.Write(buf[:n])
	}
	w.mu.Lock()
	w.tokens, w.bodies = append(w.tokens, token), append(w.bodies, body.String())
	ok := w.accept(len(w.tokens), signed)
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	if !ok {
		rw.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(rw, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`)
		return
	}
	fmt.Fprint(rw, `{"gitVersion":"v1.36.3"}`)
}

// decode returns the request that a token is.
func decode(t *testing.T, token string) *url.URL {
	t.Helper()
	rest, ok := strings.CutPrefix(token, "k8s-aws-v1.")
	text, err := base64.RawURLEncoding.DecodeString(rest)
	if !ok || err != nil {
		t.Errorf("%q is no token", token)
	}
	u, err := url.Parse(string(text))
	if err != nil {
		t.Error(err)
	}
	return u
}
