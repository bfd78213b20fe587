package eks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"go.yaml.in/yaml/v3"

	"salvor.io/salvor/tests/testenv"
)

// stack is a CloudFormation template that is being deployed.
type stack struct {
	t *testing.T
	// values are the parameters and pseudo parameters, and what resources are referred to by.
	values     map[string]any
	conditions map[string]any
}

// none is AWS::NoValue.
type none struct{}

// deploy does what CloudFormation would do with infra/cluster-access.yaml and these parameters: it makes the role and the
// access entry. Parameters have to be as the template asks.
func deploy(t *testing.T, k testenv.EKSServer, parameters map[string]string) (roleARN string) {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "infra", "cluster-access.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Parameters, Conditions, Resources yaml.Node }
	if err := yaml.Unmarshal(raw, (*document)(&doc)); err != nil {
		t.Fatal(err)
	}
	at, err := arn.Parse(k.AWS.ClusterARN)
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, conditions: map[string]any{}, values: map[string]any{
		"AWS::Partition": at.Partition, "AWS::Region": at.Region, "AWS::AccountId": at.AccountID, "AWS::NoValue": none{}}}
	s.parameters(s.resolve(&doc.Parameters).(map[string]any), parameters)
	s.conditions = s.resolve(&doc.Conditions).(map[string]any)
	roleARN = "arn:aws:iam::" + at.AccountID + ":role" + parameters["RolePath"] + parameters["RoleName"]
	s.values["Role.Arn"] = roleARN
	for _, r := range s.resolve(&doc.Resources).(map[string]any) {
		s.create(k, r.(map[string]any))
	}
	return roleARN
}

// document keeps the parts of a template as they are written.
type document struct{ Parameters, Conditions, Resources yaml.Node }

// UnmarshalYAML reads fields by their own names.
func (d *document) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "Parameters":
			d.Parameters = *n.Content[i+1]
		case "Conditions":
			d.Conditions = *n.Content[i+1]
		case "Resources":
			d.Resources = *n.Content[i+1]
		}
	}
	return nil
}

// parameters takes the given ones, or defaults, and checks them.
func (s *stack) parameters(declared map[string]any, given map[string]string) {
	s.t.Helper()
	for name := range given {
		if declared[name] == nil {
			s.t.Fatalf("the template has no parameter %s", name)
		}
	}
	for name, p := range declared {
		p := p.(map[string]any)
		value, ok := given[name]
		if !ok {
			if value, ok = p["Default"].(string); !ok {
				s.t.Fatalf("parameter %s is missing", name)
			}
		}
		if pattern, ok := p["AllowedPattern"].(string); ok && !regexp.MustCompile("^("+pattern+")$").MatchString(value) {
			s.t.Fatalf("parameter %s is %q, which %s does not allow", name, value, pattern)
		}
		if least, ok := p["MinLength"].(int); ok && len(value) < least {
			s.t.Fatalf("parameter %s is shorter than %d", name, least)
		}
		if of, ok := p["AllowedValues"].([]any); ok && !slices.Contains(of, any(value)) {
			s.t.Fatalf("parameter %s is %q, not one of %v", name, value, of)
		}
		s.values[name] = any(value)
		if p["Type"] == "CommaDelimitedList" {
			s.values[name] = strings.Split(value, ",")
		}
	}
}

func (s *stack) create(k testenv.EKSServer, r map[string]any) {
	s.t.Helper()
	p := r["Properties"].(map[string]any)
	if c, ok := r["Condition"].(string); ok && s.conditions[c] != true {
		return
	}
	switch r["Type"] {
	case "AWS::IAM::Role":
		role := testenv.AWSRole{ARN: s.values["Role.Arn"].(string), Trust: p["AssumeRolePolicyDocument"]}
		for _, policy := range p["Policies"].([]any) {
			role.Permissions = append(role.Permissions, policy.(map[string]any)["PolicyDocument"])
		}
		k.AWS.PutRole(s.t, role)
	case "AWS::EKS::AccessEntry":
		var groups []string
		for _, g := range p["KubernetesGroups"].([]any) {
			groups = append(groups, g.(string))
		}
		k.AWS.PutEntry(s.t, p["PrincipalArn"].(string), groups...)
		if p["AccessPolicies"] != nil {
			s.t.Error("the access entry has access policies, which no Kubernetes group limits")
		}
	default:
		s.t.Fatalf("the template makes a %s, which this test doesn't know", r["Type"])
	}
}

// resolve turns a part of the template into plain values, its functions carried out.
func (s *stack) resolve(n *yaml.Node) any {
	switch n.Tag {
	case "!Ref", "!GetAtt":
		v, ok := s.values[n.Value]
		if !ok {
			s.t.Fatalf("line %d: nothing is called %s", n.Line, n.Value)
		}
		return v
	case "!Sub":
		return regexp.MustCompile(`\$\{([^}]+)\}`).ReplaceAllStringFunc(n.Value, func(m string) string {
			return s.values[m[2:len(m)-1]].(string)
		})
	case "!Equals":
		return s.resolve(n.Content[0]) == s.resolve(n.Content[1])
	case "!If":
		if s.conditions[n.Content[0].Value] == true {
			return s.resolve(n.Content[1])
		}
		return s.resolve(n.Content[2])
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = s.resolve(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			if v := s.resolve(c); v != any(none{}) {
				list = append(list, v)
			}
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}
