// Package cloud is the local host: it deploys template.yaml onto real servers of this machine and runs what it says.
//
// Functions are processes of their own packages, built by the target that `sam build` calls. DynamoDB is dynalite, S3 is
// versitygw, the cluster is a real Kubernetes. Between a function and these stands its gate: every call must be signed
// with the function's own credentials, be allowed by the function's own role of the template, and is recorded. What has
// no server here - Scheduler, SQS, Step Functions' own API, API Gateway - is a small handler that does what its
// documentation says, as far as the template uses it.
package cloud

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/testenv"
)

// Region and Account are where the stack is deployed: where the throw-away cluster is, too.
const (
	Region  = "eu-central-1"
	Account = "444455556666"
)

// Cloud is one deployed stack.
type Cloud struct {
	t     testing.TB
	Stack *stack.Stack
	S3    testenv.S3Server
	// Bucket and Table are those of the template.
	Bucket, Table string
	dynamo        string // endpoint
	bucketPolicy  []stack.Statement

	functions map[string]*deployed // by logical name
	gates     []*http.Server

	Scheduler *Scheduler
	Queues    *Queues
	Machine   *Machine
	API       *API
	Clusters  *Clusters
	Traces    *Traces

	// Interfere, if set before functions run, delays a call to AWS, or lets it fail as if the service was down.
	Interfere func(function string, call stack.Request) (wait time.Duration, down bool)

	mu   sync.Mutex
	logs []string
}

// deployed is a function and what the template says of it.
type deployed struct {
	stack.Function
	process *function.Function
	policy  []stack.Statement
	key     credentials
}

// credentials are a user's, or with a token those of a role's session.
type credentials struct{ access, secret, token string }

// Options change what is deployed.
type Options struct {
	// Parameters of the template.
	Parameters map[string]string
	// Cluster is the Kubernetes that EKS knows; nil: none.
	Cluster *testenv.EKSServer
}

// Start deploys the template for the test and takes it down with it.
func Start(t testing.TB, o Options) *Cloud {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := stack.Load(filepath.Join(root, "template.yaml"),
		stack.Options{Name: "s" + testenv.Unique(), Region: Region, Account: Account, Parameters: o.Parameters})
	if err != nil {
		t.Fatal(err)
	}
	c := &Cloud{t: t, Stack: s, S3: testenv.S3(t), dynamo: testenv.Dynamo(t), functions: map[string]*deployed{}}
	t.Cleanup(c.stop)
	c.Table, c.Bucket = c.ref("Table"), c.ref("Bucket")
	c.makeTable()
	c.makeBucket()
	c.Clusters = newClusters(c, o.Cluster)
	c.Traces = newTraces(c)
	c.Queues = newQueues(c)
	c.Scheduler = newScheduler(c)
	c.Machine = newMachine(c)
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		c.deploy(root, f)
	}
	c.API = newAPI(c)
	c.Scheduler.own()
	return c
}

func (c *Cloud) ref(logical string) string {
	v, err := c.Stack.Ref(logical)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func (c *Cloud) arn(logical string) string {
	v, err := c.Stack.ARN(logical)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// deploy builds a function's package and opens its gate.
func (c *Cloud) deploy(root string, f stack.Function) {
	c.t.Helper()
	policy, err := c.Stack.Policies(f.Role)
	if err != nil {
		c.t.Fatalf("%s: %v", f.Logical, err)
	}
	d := &deployed{Function: f, policy: policy}
	d.key = c.Clusters.assume(d)
	env := map[string]string{
		"AWS_REGION": Region, "AWS_DEFAULT_REGION": Region, "AWS_ACCESS_KEY_ID": d.key.access, "AWS_SECRET_ACCESS_KEY": d.key.secret,
		"AWS_SESSION_TOKEN":               d.key.token,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": fmt.Sprint(f.Memory), "AWS_LAMBDA_LOG_GROUP_NAME": f.LogGroup,
		"AWS_XRAY_DAEMON_ADDRESS": c.Traces.conn.LocalAddr().String(),
	}
	for k, v := range f.Env {
		env[k] = v
	}
	gate := c.openGate(d)
	for _, service := range []string{"DYNAMODB", "S3", "STS", "EKS", "SFN", "SCHEDULER", "SQS"} {
		env["AWS_ENDPOINT_URL_"+service] = gate
	}
	d.process = &function.Function{Name: f.Name, ARN: f.ARN, Dir: packageOf(c.t, root, f.Logical), Env: env, Timeout: f.Timeout,
		Log: func(line string) { c.log(f.Name, line) }}
	c.functions[f.Logical] = d
}

func (c *Cloud) log(source, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logs = append(c.logs, source+" "+line)
}

// Logs are the lines that functions wrote so far, each after its function's name.
func (c *Cloud) Logs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.logs...)
}

// Function is the process host of a function, by its logical name.
func (c *Cloud) Function(logical string) *function.Function { return c.functions[logical].process }

// Invoke invokes a function as the console's Test button does, and waits for its answer.
func (c *Cloud) Invoke(logical, payload string) function.Result {
	c.t.Helper()
	return c.InvokeWith(logical, payload, function.Options{})
}

// InvokeWith is Invoke with options.
func (c *Cloud) InvokeWith(logical, payload string, o function.Options) function.Result {
	c.t.Helper()
	r, err := c.functions[logical].process.Invoke(c.t.Context(), []byte(payload), o)
	if err != nil {
		c.t.Fatalf("invoking %s: %v", logical, err)
	}
	return r
}

// stop ends all that was started; of a test that failed it shows the logs.
func (c *Cloud) stop() {
	if c.Queues != nil {
		c.Queues.end()
	}
	if c.Machine != nil {
		c.Machine.end()
	}
	for _, d := range c.functions {
		d.process.Kill()
	}
	for _, g := range c.gates {
		_ = g.Close()
	}
	if c.Traces != nil {
		_ = c.Traces.conn.Close()
	}
	if c.t.Failed() {
		for _, line := range c.Logs() {
			c.t.Log(line)
		}
	}
}

// serve opens a server of this cloud on a free port and returns its URL.
func (c *Cloud) serve(h http.Handler) string {
	c.t.Helper()
	server, url, err := listen(h)
	if err != nil {
		c.t.Fatal(err)
	}
	c.gates = append(c.gates, server)
	return url
}

// Eventually calls done until it is, for a minute at most.
func (c *Cloud) Eventually(what string, done func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("after a minute still not: %s", what)
		}
	}
}

// buildLimit bounds the build of one package.
const buildLimit = 10 * time.Minute

var packages sync.Map // logical name → func() (string, error)

// packageOf builds the function's package by the target that `sam build` calls, once in this process.
func packageOf(t testing.TB, root, logical string) string {
	t.Helper()
	once, _ := packages.LoadOrStore(logical, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "salvor-"+logical+"-")
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
		defer cancel()
		return dir, build(ctx, root, logical, dir)
	}))
	dir, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
