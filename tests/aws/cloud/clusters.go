package cloud

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/testenv"
)

// Clusters is EKS and STS, in front of the cluster.
type Clusters struct {
	c *Cloud
	k *testenv.EKSServer
}

func newClusters(c *Cloud, k *testenv.EKSServer) *Clusters { return &Clusters{c, k} }

// serve hands a call to EKS or STS over. They check the signature once more.
func (s *Clusters) serve(w http.ResponseWriter, r *http.Request, one *call) {
	if s.k == nil {
		refuse(w, one.service, http.StatusNotFound, "ResourceNotFoundException", "No cluster found for "+r.URL.Path)
		return
	}
	target, err := url.Parse(s.k.AWS.Endpoint)
	if err != nil {
		refuse(w, one.service, http.StatusBadGateway, "Host", err.Error())
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host // it is signed
	}}
	proxy.ServeHTTP(w, r)
}

// ofClusters reports whether a statement is about STS or EKS; the rest is judged at the function's gate.
func ofClusters(action any) bool {
	text, _ := action.(string)
	return strings.HasPrefix(text, "sts:") || strings.HasPrefix(text, "eks:")
}

// assume makes the function's role in IAM, with the policies of the template, and returns the credentials of a session of it.
func (s *Clusters) assume(d *deployed) credentials {
	s.c.t.Helper()
	if s.k == nil {
		return credentials{access: "AKIA" + upper(testenv.Unique()), secret: testenv.Unique() + testenv.Unique()}
	}
	p, err := s.c.Stack.Properties(d.Role)
	if err != nil {
		s.c.t.Fatal(err)
	}
	var statements []any
	for _, policy := range p["Policies"].([]any) {
		for _, st := range policy.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			if ofClusters(st.(map[string]any)["Action"]) {
				statements = append(statements, st)
			}
		}
	}
	permissions := []any{map[string]any{"Statement": statements}}
	role := s.c.arn(d.Role)
	s.k.AWS.PutRole(s.c.t, testenv.AWSRole{ARN: role, Permissions: permissions, Trust: map[string]any{"Statement": []any{map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": s.k.AWS.UserARN}}}}}) // who stands for Lambda
	config := s.c.config(credentials{access: s.k.AWS.AccessKey, secret: s.k.AWS.SecretKey})
	out, err := sts.NewFromConfig(config, func(o *sts.Options) { o.BaseEndpoint = &s.k.AWS.Endpoint }).
		AssumeRole(s.c.t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &d.Name, DurationSeconds: aws.Int32(3600)})
	if err != nil {
		s.c.t.Fatal(err)
	}
	return credentials{*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken}
}

// Entries makes an access entry for the role of each function, with its group, and waits until the cluster knows them.
// https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
func (s *Clusters) Entries(groups map[string]string) {
	s.c.t.Helper()
	for logical, group := range groups {
		s.k.AWS.PutEntry(s.c.t, s.c.arn(s.c.functions[logical].Role), group)
	}
	for logical := range groups {
		s.Await(logical, salvor.EKSCluster{ARN: s.k.AWS.ClusterARN})
	}
}

// Await waits until the cluster knows who the function's role signs in as.
func (s *Clusters) Await(logical string, spec salvor.EKSCluster) {
	s.c.t.Helper()
	config, err := s.SignIn(logical, spec)
	if err != nil {
		s.c.t.Fatal(err)
	}
	client, err := kube.New(config)
	if err != nil {
		s.c.t.Fatal(err)
	}
	s.c.Eventually("the cluster knows the role of "+logical, func() bool {
		_, err := client.Version(s.c.t.Context())
		if err != nil {
			s.c.log("cluster", err.Error())
		}
		return err == nil
	})
}

// SignIn signs in to the cluster with the function's credentials.
func (s *Clusters) SignIn(logical string, spec salvor.EKSCluster) (*rest.Config, error) {
	config := s.c.config(s.c.functions[logical].key)
	config.BaseEndpoint = &s.k.AWS.Endpoint
	return eks.New(config, time.Now).Config(s.c.t.Context(), spec)
}

// Deploy makes what infra/cluster-access.yaml describes: a role, and its access entry. It returns the role's ARN.
func (s *Clusters) Deploy(parameters map[string]string) string {
	s.c.t.Helper()
	root, err := testenv.Root()
	if err != nil {
		s.c.t.Fatal(err)
	}
	access, err := stack.Load(filepath.Join(root, "infra", "cluster-access.yaml"), stack.Options{Name: "access", Region: Region, Account: Account, Parameters: parameters})
	if err != nil {
		s.c.t.Fatal(err)
	}
	role, err := access.Properties("Role")
	if err != nil {
		s.c.t.Fatal(err)
	}
	entry, err := access.Properties("Entry")
	if err != nil {
		s.c.t.Fatal(err)
	}
	made := testenv.AWSRole{ARN: entry["PrincipalArn"].(string), Trust: role["AssumeRolePolicyDocument"]}
	for _, policy := range role["Policies"].([]any) {
		made.Permissions = append(made.Permissions, policy.(map[string]any)["PolicyDocument"])
	}
	s.k.AWS.PutRole(s.c.t, made)
	var groups []string
	for _, g := range entry["KubernetesGroups"].([]any) {
		groups = append(groups, g.(string))
	}
	s.k.AWS.PutEntry(s.c.t, made.ARN, groups...)
	return made.ARN
}
