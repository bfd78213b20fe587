package aws_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tests/aws/cloud"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/openapi"
	"salvor.io/salvor/tests/testenv"
)

func template(t *testing.T, parameters map[string]string) (*stack.Stack, string) {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := stack.Load(filepath.Join(root, "template.yaml"), stack.Options{Name: "salvor", Region: cloud.Region, Account: cloud.Account, Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

// Each folder of functions/ is one function, which has a role, a log group, and an alarm of its own, and a sane timeout.
func TestEachFunctionHasWhatItNeeds(t *testing.T) {
	s, root := template(t, nil)
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	var folders, made []string
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mains {
		folders = append(folders, filepath.Base(filepath.Dir(m)))
	}
	roles := map[string]bool{}
	for _, f := range functions {
		made = append(made, f.Folder())
		if f.Handler != "bootstrap" || f.Timeout < time.Second || f.Timeout > 15*time.Minute || f.Memory < 128 {
			t.Errorf("%s: handler %s, timeout %s, memory %d", f.Logical, f.Handler, f.Timeout, f.Memory)
		}
		if roles[f.Role] || f.Role != strings.TrimSuffix(f.Logical, "Function")+"Role" {
			t.Errorf("%s shares the role %s", f.Logical, f.Role)
		}
		roles[f.Role] = true
		if f.LogGroup != "/aws/lambda/"+f.Name {
			t.Errorf("%s logs to %s", f.Logical, f.LogGroup)
		}
		if s.Resources[f.Logical].Metadata["BuildMethod"] != "makefile" {
			t.Errorf("%s is not built by the Makefile", f.Logical)
		}
		if !alarmed(t, s, f.Name) {
			t.Errorf("%s has no alarm for its errors", f.Logical)
		}
	}
	slices.Sort(made)
	if diff := cmp.Diff(folders, made); diff != "" {
		t.Errorf("folders and functions differ: %s", diff)
	}
}

func alarmed(t *testing.T, s *stack.Stack, function string) bool {
	t.Helper()
	names, err := s.OfType("AWS::CloudWatch::Alarm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p, err := s.Properties(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := p["Dimensions"].([]any)[0].(map[string]any); p["Namespace"] == "AWS/Lambda" && d["Value"] == function && len(p["AlarmActions"].([]any)) > 0 {
			return true
		}
	}
	return false
}

// Nothing is left behind that costs money, except the backups, what finds them, and the key to both.
func TestOnlyBackupsStay(t *testing.T) {
	s, _ := template(t, nil)
	var stay []string
	for name, r := range s.Resources {
		if r.DeletionPolicy != "" {
			stay = append(stay, name)
			if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: when the stack goes it is %s, when it is replaced %s", name, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		}
	}
	slices.Sort(stay)
	if diff := cmp.Diff([]string{"Bucket", "BucketPolicy", "Key", "Table"}, stay); diff != "" {
		t.Error(diff)
	}
}

// With each choice of the parameters everything can be resolved, and each log group keeps its logs for a time.
func TestEveryChoiceOfParametersResolves(t *testing.T) {
	for name, parameters := range map[string]map[string]string{
		"defaults": nil,
		"all":      {"ApiAuthorization": "JWT", "JwtIssuer": "https://issuer.example.org", "JwtAudience": "salvor", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "ObjectLockDays": "30", "AlarmEmail": "ops@example.org"},
	} {
		s, _ := template(t, parameters)
		for p, v := range s.Parameters {
			if v.Description == "" || v.Default == nil {
				t.Errorf("parameter %s has no description or no default", p)
			}
		}
		for logical, r := range s.Resources {
			properties, err := s.Properties(logical)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if r.Type == "AWS::Logs::LogGroup" && properties["RetentionInDays"] == nil {
				t.Errorf("%s keeps its logs for ever", logical)
			}
		}
		if _, err := s.Resolve(s.Outputs); err != nil {
			t.Errorf("%s: outputs: %v", name, err)
		}
	}
}

// What is kept is encrypted with the stack's key, closed to others, and not lost by a slip.
func TestWhatIsKeptIsProtected(t *testing.T) {
	s, _ := template(t, map[string]string{"ObjectLockDays": "30", "ObjectLockMode": "COMPLIANCE"})
	key, err := s.ARN("Key")
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Properties("Table")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": true,
		"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": true},
		"SSESpecification":                 map[string]any{"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key}}
	for name, value := range want {
		if diff := cmp.Diff(value, table[name]); diff != "" {
			t.Errorf("table: %s: %s", name, diff)
		}
	}
	bucket, err := s.Properties("Bucket")
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]any{"VersioningConfiguration": map[string]any{"Status": "Enabled"}, "ObjectLockEnabled": true,
		"PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{map[string]any{"BucketKeyEnabled": true,
			"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}}},
		"ObjectLockConfiguration": map[string]any{"ObjectLockEnabled": "Enabled", "Rule": map[string]any{"DefaultRetention": map[string]any{"Mode": "COMPLIANCE", "Days": "30"}}}}
	for name, value := range want {
		if diff := cmp.Diff(value, bucket[name]); diff != "" {
			t.Errorf("bucket: %s: %s", name, diff)
		}
	}
}

// An execution of the state machine that fails, and one that is stopped because it took too long, are counted by different
// metrics: somebody hears of both.
func TestWorkThatEndsBadlyIsHeardOf(t *testing.T) {
	s, _ := template(t, nil)
	alarms, err := s.OfType("AWS::CloudWatch::Alarm")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := s.ARN("WorkMachine")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{"ExecutionsFailed": true, "ExecutionsTimedOut": true}
	for _, name := range alarms {
		p, err := s.Properties(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := p["Dimensions"].([]any)[0].(map[string]any); p["Namespace"] == "AWS/States" && d["Value"] == machine && len(p["AlarmActions"].([]any)) > 0 {
			delete(missing, p["MetricName"].(string))
		}
	}
	if len(missing) > 0 {
		t.Errorf("no alarm looks at %v", missing)
	}
}

// API Gateway may invoke the function behind each route, and no other; functions refuse it otherwise.
func TestAPIGatewayMayInvokeWhatItRoutesTo(t *testing.T) {
	s, _ := template(t, nil)
	routes, err := s.Routes()
	if err != nil {
		t.Fatal(err)
	}
	permissions, err := s.OfType("AWS::Lambda::Permission")
	if err != nil {
		t.Fatal(err)
	}
	api, err := s.Ref("HttpApi")
	if err != nil {
		t.Fatal(err)
	}
	invokes := func(function, source string) bool {
		for _, name := range permissions {
			p, err := s.Properties(name)
			if err != nil {
				t.Fatal(err)
			}
			if ref, err := s.Ref(function); err == nil && p["FunctionName"] == ref && stack.Like(p["SourceArn"].(string), source) {
				return p["Principal"] == "apigateway.amazonaws.com" && p["Action"] == "lambda:InvokeFunction"
			}
		}
		return false
	}
	for _, r := range routes {
		method := strings.Replace(r.Method, "ANY", "DELETE", 1)
		for _, own := range []string{api, "another"} {
			source := "arn:aws:execute-api:" + cloud.Region + ":" + cloud.Account + ":" + own + "/$default/" + method + r.Path
			if got := invokes(r.Function, source); got != (own == api) {
				t.Errorf("%s may be invoked by %s: %t", r.Function, source, got)
			}
		}
	}
}

// What infra/openapi.yaml describes is routed to a function, and only requests that are signed, or bear a token, are.
func TestEveryOperationIsRouted(t *testing.T) {
	everyOperationIsRouted(t, nil, "AWS_IAM")
	everyOperationIsRouted(t, map[string]string{"ApiAuthorization": "JWT", "JwtIssuer": "https://issuer.example.org", "JwtAudience": "salvor"}, "JWT")
}

func everyOperationIsRouted(t *testing.T, parameters map[string]string, authorization string) {
	t.Helper()
	s, _ := template(t, parameters)
	routes, err := s.Routes()
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	authorizer, err := s.Ref("HttpTokens")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if (r.Authorizer == authorizer) != (authorization == "JWT") {
			t.Errorf("%s %s asks the authorizer %q", r.Method, r.Path, r.Authorizer)
		}
	}
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			want := "ApiFunction"
			if method == "GET" && (path == "/v1/backups" || path == "/v1/calendar") {
				want = "SearchFunction"
			}
			if got := cloud.Route(routes, method, path); got.Function != want || got.Authorization != authorization {
				t.Errorf("%s %s goes to %+v, want %s", method, path, got, want)
			}
		}
	}
}

// cfn-lint knows what AWS takes; it is not on every machine.
func TestCfnLintFindsNothing(t *testing.T) {
	t.Parallel() // it takes a while
	_, root := template(t, nil)
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Log("cfn-lint is not installed here: template.yaml is checked by the tests beside this one only")
		return
	}
	cmd := exec.CommandContext(t.Context(), lint, "-t", filepath.Join(root, "template.yaml"), "--regions", "us-east-1", "eu-central-1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// The watchdog, which runs commands in pods, can't change what others run, delete a backup, or store what a backup holds.
func TestTheWatchdogTouchesOnlyWhatAThawNeeds(t *testing.T) {
	s, _ := template(t, nil)
	policy, err := s.Policies("WatchdogRole")
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.ARN("Table")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := s.ARN("Bucket")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action, on string
		may        bool
	}{
		{"dynamodb:PutItem", "backup#prod", true},
		{"dynamodb:PutItem", "kind#Rule", false},
		{"dynamodb:PutItem", "day#2026-11-20", true},
		{"dynamodb:PutItem", "tallies", true}, // of yesterday, when it gives up a backup of then
		{"dynamodb:GetItem", "kind#Cluster", true},
		{"dynamodb:GetItem", "kind#Rule", false},
		{"dynamodb:DeleteItem", "kind#Freeze", true},
		{"dynamodb:DeleteItem", "backup#prod", false},
		{"dynamodb:Query", "kind#Freeze", true},
		{"dynamodb:Query", "kind#Schedule", false},
		{"s3:PutObject", "/prod/backups/b/report-2.json", true},
		{"s3:PutObject", "/prod/backups/b/manifest.json", false},
		{"s3:GetObject", "/prod/backups/b/report.json", false},
	} {
		r := stack.Request{Action: c.action, Resource: table, Context: map[string][]string{"dynamodb:LeadingKeys": {c.on}}}
		if strings.HasPrefix(c.action, "s3:") {
			r = stack.Request{Action: c.action, Resource: bucket + c.on}
		}
		if got := stack.Allows(policy, r); got != c.may {
			t.Errorf("%s on %s: allowed is %t", c.action, c.on, got)
		}
	}
}

// Lambda stops a function that calls itself by a queue, unless the template says that this is meant.
func TestFunctionsThatCallThemselvesMayDoSo(t *testing.T) {
	s, _ := template(t, nil)
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	var meant []string
	for _, f := range functions {
		policy, err := s.Policies(f.Role)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Properties(f.Logical)
		if err != nil {
			t.Fatal(err)
		}
		itself := slices.ContainsFunc(f.Sources, func(q stack.Source) bool {
			return stack.Allows(policy, stack.Request{Action: "sqs:SendMessage", Resource: q.Queue})
		})
		if itself != (p["RecursiveLoop"] == "Allow") {
			t.Errorf("%s may send to a queue that invokes it: %t; RecursiveLoop: %v", f.Logical, itself, p["RecursiveLoop"])
		}
		if itself {
			meant = append(meant, f.Logical)
		}
	}
	if diff := cmp.Diff([]string{"WatchdogFunction"}, meant); diff != "" {
		t.Error(diff)
	}
}
