package eks_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

var configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}

func (w *world) client(spec salvor.EKSCluster) *kube.Client {
	w.t.Helper()
	config, err := w.access().Config(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// The role is assumed where the caller is, the cluster described where it is, and the token names STS of that region,
// whatever endpoint the environment sends our own calls to.
func TestSignInAcrossRegionsAndAccounts(t *testing.T) {
	w := newWorld(t)
	if v, err := w.client(withRole).Version(t.Context()); err != nil || v != "v1.36.3" {
		t.Fatal(v, err)
	}
	if diff := cmp.Diff([]string{"sts us-east-1 AssumeRole", "eks eu-central-1 GET /clusters/prod"}, w.said); diff != "" {
		t.Error(diff)
	}
	signed := decode(t, w.tokens[0])
	q := signed.Query()
	if signed.Host != "sts.eu-central-1.amazonaws.com" || signed.Scheme != "https" || q.Get("Action") != "GetCallerIdentity" {
		t.Errorf("the token asks %s for %s", signed.Host, q.Get("Action"))
	}
	if !strings.HasPrefix(q.Get("X-Amz-Credential"), "ASIA1/") || !strings.Contains(q.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") {
		t.Errorf("the token is signed by %s for %s", q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"))
	}
}

func TestTokensOfChina(t *testing.T) {
	w := newWorld(t)
	w.arn = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/prod"
	if _, err := w.client(salvor.EKSCluster{ARN: w.arn}).Version(t.Context()); err != nil {
		t.Fatal(err)
	}
	if host := decode(t, w.tokens[0]).Host; host != "sts.cn-north-1.amazonaws.com.cn" {
		t.Errorf("the token is for %s", host)
	}
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	w := newWorld(t)
	// Each retrieval gives credentials of their own, by which tokens are told apart.
	n, lifetime := 0, time.Hour
	config, err := w.accessOf(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		n++
		return aws.Credentials{AccessKeyID: fmt.Sprintf("AKID%d", n), SecretAccessKey: secretKey, CanExpire: true, Expires: w.now().Add(lifetime)}, nil
	})).Config(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		pass time.Duration
		want int
		why  string
	}{
		{0, 1, "the first request"},
		{12*time.Minute + 59*time.Second, 1, "the token is young enough"},
		{time.Second, 2, "the token is 13 minutes old"},
		{13 * time.Minute, 3, "this one, too; the next has credentials that last 5 minutes"},
		{5*time.Minute - time.Second, 3, "they last"},
		{time.Second, 4, "they have ended, and the token with them"},
	} {
		w.pass(step.pass)
		if step.want == 3 {
			lifetime = 5 * time.Minute
		}
		if _, err := c.Version(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(unique(w.tokens)); got != step.want {
			t.Errorf("%d tokens, want %d: %s", got, step.want, step.why)
		}
	}
}

func unique(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }

func TestA401GetsAFreshTokenOnce(t *testing.T) {
	w := newWorld(t)
	w.accept = func(n int, signed *url.URL) bool {
		return !strings.HasPrefix(signed.Query().Get("X-Amz-Credential"), "ASIA1/")
	}
	if _, err := w.client(withRole).Create(t.Context(), configMaps, "shop", []byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	if len(w.tokens) != 2 || w.tokens[0] == w.tokens[1] {
		t.Errorf("%d requests", len(w.tokens))
	}
	if w.bodies[0] != w.bodies[1] || !strings.Contains(w.bodies[1], `{"a":1}`) {
		t.Errorf("the bodies were %q", w.bodies)
	}
}

func TestAnIdentityThatTheClusterDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	w.accept = func(int, *url.URL) bool { return false }
	_, err := w.client(withRole).Get(t.Context(), configMaps, "shop", "a")
	if !apierrors.IsUnauthorized(err) {
		t.Fatalf("got %v, want a 401", err)
	}
	if len(w.tokens) != 2 {
		t.Errorf("%d requests, want 2", len(w.tokens))
	}
	for _, s := range []string{prodARN, "does not know arn:aws:sts::111122223333:assumed-role/salvor-access/salvor", "access entry",
		"--region eu-central-1 --cluster-name prod --principal-arn " + accessRole + " --kubernetes-groups salvor-backup"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestRefusals(t *testing.T) {
	deny := func(action string, status int, code, message string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, a string) bool {
			if strings.Contains(a, action) {
				refuse(w, a, status, code, message)
			}
			return strings.Contains(a, action)
		}
	}
	tests := map[string]struct {
		spec   salvor.EKSCluster
		set    func(*world)
		code   salvor.Code
		says   []string
		silent []string
	}{
		"a wrong cluster id": {spec: spec, code: salvor.NotFound, set: func(w *world) {
			w.answer = deny("/clusters/", 404, "ResourceNotFoundException", "No cluster found for name: prod.")
		}, says: []string{`no EKS cluster "prod"`, "eu-central-1", "111122223333", "salvor cluster discover"}},
		"a cluster of that name in the caller's account": {spec: spec, code: salvor.Forbidden, set: func(w *world) {
			w.arn = "arn:aws:eks:eu-central-1:999988887777:cluster/prod"
		}, says: []string{"is of account 999988887777", prodARN, "set roleARN"}},
		"a role of another account": {spec: salvor.EKSCluster{ARN: prodARN, RoleARN: "arn:aws:iam::999988887777:role/x"}, code: salvor.Invalid,
			says: []string{"999988887777", "cluster's own account"}},
		"a wrong external id": {spec: salvor.EKSCluster{ARN: prodARN, RoleARN: accessRole, ExternalID: "another-external-id"}, code: salvor.Forbidden,
			says: []string{accessRole, "with the external id of the Cluster", "user/ada is not authorized", "infra/cluster-access.yaml"}, silent: []string{"another-external-id"}},
		"no external id": {spec: salvor.EKSCluster{ARN: prodARN, RoleARN: accessRole}, code: salvor.Forbidden,
			says: []string{accessRole, "without an external id"}},
		"a wrong secret": {spec: withRole, code: salvor.Unauthorized, set: func(w *world) {
			w.answer = deny("AssumeRole", 403, "SignatureDoesNotMatch", "The Canonical String should have been x-amz-security-token:"+session)
		}, says: []string{"SignatureDoesNotMatch", "credentials in use are wrong"}},
		"a wrong secret, without a role": {spec: spec, code: salvor.Unauthorized, set: func(w *world) {
			w.answer = deny("/clusters/", 403, "InvalidSignatureException", "x-amz-security-token:"+session)
		}, says: []string{"InvalidSignatureException", prodARN}},
		"a role that may not describe": {spec: withRole, code: salvor.Forbidden, set: func(w *world) {
			w.answer = deny("/clusters/", 403, "AccessDeniedException", "not authorized")
		}, says: []string{accessRole, "eks:DescribeCluster"}},
		"a cluster that is being made": {spec: spec, code: salvor.Unavailable, set: func(w *world) { w.status = "CREATING" }, says: []string{"is CREATING"}},
		"an ARN of something else":     {spec: salvor.EKSCluster{ARN: "arn:aws:s3:::bucket"}, code: salvor.Invalid, says: []string{"arn:aws:s3:::bucket"}},
		"nobody answers":               {spec: spec, code: salvor.Unavailable, set: func(w *world) { w.aws.Close() }, says: []string{"did not answer"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.set != nil {
				tt.set(w)
			}
			_, err := w.access().Config(t.Context(), tt.spec)
			if !salvor.Is(err, tt.code) {
				t.Fatalf("got %s: %v, want %s", salvor.CodeOf(err), err, tt.code)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			silent(t, err.Error(), tt.silent...)
		})
	}
}

// silent fails if a text tells a token or another secret.
func silent(t *testing.T, text string, more ...string) {
	t.Helper()
	for _, s := range append(more, "k8s-aws-v1.", secretKey, session, externalID) {
		if strings.Contains(text, s) {
			t.Errorf("a secret is in: %s", text)
		}
	}
}

func TestThrottlingIsRetried(t *testing.T) {
	w := newWorld(t)
	calls := 0
	w.answer = func(rw http.ResponseWriter, action string) bool {
		if calls++; calls <= 2 {
			refuse(rw, action, 400, "ThrottlingException", "Rate exceeded")
		}
		return calls <= 2
	}
	w.client(spec)
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}

// Nothing that is printed, logged at the highest level, or returned as an error holds a token.
func TestTokensAreNeverTold(t *testing.T) {
	var log bytes.Buffer
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	if err := flags.Parse([]string{"-logtostderr=false", "-v=10"}); err != nil {
		t.Fatal(err)
	}
	klog.SetOutput(&log)
	t.Cleanup(func() {
		klog.SetOutput(nil)
		_ = flags.Parse([]string{"-logtostderr=true", "-v=0"})
	})
	w := newWorld(t)
	w.accept = func(n int, _ *url.URL) bool { return n == 1 }
	config, err := w.access().Config(t.Context(), withRole)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Version(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, refused := c.Version(t.Context())
	unstarted := c.Exec(t.Context(), cluster.ExecRequest{Namespace: "a", Pod: "b", Command: []string{"true"}})
	w.api.CloseClientConnections()
	w.api.Close()
	_, gone := c.Version(t.Context())
	for _, err := range []error{refused, unstarted, gone} {
		if err == nil {
			t.Fatal("no error")
		}
		silent(t, err.Error())
	}
	klog.Flush()
	if !strings.Contains(log.String(), "/version") {
		t.Fatalf("client-go has logged no request: %q", log.String())
	}
	silent(t, log.String())
	silent(t, config.String()+config.GoString())
}
