package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	prodARN  = "arn:aws:eks:eu-central-1:111122223333:cluster/prod_1"
	prodRole = "arn:aws:iam::111122223333:role/ops/salvor-cluster-access-prod"
)

// noAWS makes sure that nobody's credentials are found, and nothing is asked.
func noAWS(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_REGION": "us-east-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": ""} {
		t.Setenv(name, value)
	}
}

func TestClusterAddPrintsWhatToRun(t *testing.T) {
	noAWS(t)
	s := newShell(t)
	role := s.must("cluster", "add", "prod", "--arn", prodARN, "--role-arn", prodRole, "--external-id", "an-external-id-of-mine", "--level", "restore",
		"--trust", "arn:aws:iam::999988887777:role/a", "--trust", "arn:aws:iam::999988887777:role/b", "--no-check")
	for _, want := range []string{"cluster/prod created", "account 111122223333", "--region eu-central-1 --stack-name salvor-access-prod ",
		"ClusterName=prod_1 RolePath=/ops/ RoleName=salvor-cluster-access-prod", "TrustedPrincipals=arn:aws:iam::999988887777:role/a,arn:aws:iam::999988887777:role/b",
		"ExternalId=an-external-id-of-mine Level=restore", "kubectl apply -f infra/kubernetes/rbac.yaml"} {
		if !strings.Contains(role, want) {
			t.Errorf("it does not say %q:\n%s", want, role)
		}
	}
	// A second role for the same cluster is a second stack.
	second := s.must("cluster", "add", "prod-restore", "--id", "prod", "--arn", prodARN, "--role-arn", prodRole+"_restore", "--trust", "arn:aws:iam::999988887777:role/b", "--level", "restore", "--no-check")
	if !strings.Contains(second, "--stack-name salvor-access-prod-restore ") || !strings.Contains(second, "RoleName=salvor-cluster-access-prod_restore") {
		t.Errorf("for a second role it says\n%s", second)
	}
	own := s.must("cluster", "add", "own", "--arn", prodARN, "--no-check")
	if !strings.Contains(own, "create-access-entry --region eu-central-1 --cluster-name prod_1") || strings.Contains(own, "cloudformation") {
		t.Errorf("without a role it says\n%s", own)
	}
}

func TestClusterAddRefuses(t *testing.T) {
	noAWS(t)
	s := newShell(t)
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"an ARN of something else": {[]string{"--arn", "arn:aws:s3:::b"}, "spec.eks.arn"},
		"an ARN and a context":     {[]string{"--arn", prodARN, "--context", "c"}, "arn context"},
		"a role without an ARN":    {[]string{"--role-arn", prodRole}, "--arn"},
		"an unknown level":         {[]string{"--arn", prodARN, "--level", "admin"}, "backup, restore or settle"},
	} {
		if r := s.run(append([]string{"cluster", "add", "x", "--no-check"}, tt.args...)...); r.code != 2 || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("%s ended with %d: %s", name, r.code, r.stderr)
		}
	}
	if got := s.must("get", "clusters", "-o", "name"); got != "" {
		t.Errorf("it was added all the same: %s", got)
	}
}

func TestClusterCheckSaysHowFarItGot(t *testing.T) {
	noAWS(t)
	s := newShell(t)
	s.settings()
	r := s.run("cluster", "check", "prod")
	if r.code != 5 || !strings.Contains(r.stdout, "✗ reach the API server") || !strings.Contains(r.stdout, "127.0.0.1:1 can be reached") {
		t.Errorf("a cluster that doesn't answer ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	if strings.Contains(r.stdout+r.stderr, "very-secret") {
		t.Errorf("the token is told:\n%s%s", r.stdout, r.stderr)
	}
	s.must("cluster", "add", "eks", "--arn", prodARN, "--no-check")
	r = s.run("cluster", "check", "eks", "-o", "json")
	var report struct {
		Cluster, Level string
		OK             bool
		Findings       []struct {
			Check, Remedy string
			OK            bool
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	if r.code != 5 || report.OK || len(report.Findings) != 1 || report.Findings[0].Check != "AWS credentials" || !strings.Contains(report.Findings[0].Remedy, "AWS_PROFILE") {
		t.Errorf("without credentials it ended with %d: %+v", r.code, report)
	}
	if r := s.run("cluster", "check", "nope"); r.code != 3 {
		t.Errorf("a cluster that isn't there ended with %d", r.code)
	}
	if r := s.run("cluster", "check", "prod", "-o", "yaml"); r.code != 2 {
		t.Errorf("YAML ended with %d: %s", r.code, r.stdout)
	}
	if r := s.run("cluster", "discover"); r.code != 6 || !strings.Contains(r.stderr, "there are no AWS credentials") {
		t.Errorf("discover ended with %d: %s", r.code, r.stderr)
	}
}
