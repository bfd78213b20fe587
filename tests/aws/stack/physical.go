package stack

import (
	"fmt"
	"strings"
)

// physical is what Ref gives for a resource.
func (s *Stack) physical(logical string) (any, error) {
	r, ok := s.Resources[logical]
	if !ok {
		return nil, fmt.Errorf("there is no parameter or resource %s", logical)
	}
	switch r.Type {
	case "AWS::SQS::Queue":
		return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", s.Region, s.Account, s.plainName(logical)), nil
	case "AWS::Serverless::StateMachine", "AWS::SNS::Topic":
		return s.attribute(logical, "Arn")
	}
	return s.resourceName(r)
}

// nameProperties are those that name a resource, where the template gives it a name.
var nameProperties = map[string]string{
	"AWS::Serverless::Function":     "FunctionName",
	"AWS::IAM::Role":                "RoleName",
	"AWS::Serverless::StateMachine": "Name",
	"AWS::Logs::LogGroup":           "LogGroupName",
	"AWS::Scheduler::ScheduleGroup": "Name",
	"AWS::Scheduler::Schedule":      "Name",
	"AWS::CloudWatch::Alarm":        "AlarmName",
	"AWS::SNS::Topic":               "TopicName",
}

func (s *Stack) resourceName(r *Resource) (string, error) {
	if p, ok := r.Properties[nameProperties[r.Type]]; ok {
		v, err := s.Resolve(p)
		return text(v), err
	}
	return s.plainName(r.Logical), nil
}

// plainName is the name that CloudFormation would make up.
func (s *Stack) plainName(logical string) string { return strings.ToLower(s.Name + "-" + logical) }

// arnForms are the ARNs of resources, by their name: REGION, ACCOUNT and NAME are filled in.
var arnForms = map[string]string{
	"AWS::DynamoDB::Table":          "dynamodb:REGION:ACCOUNT:table/NAME",
	"AWS::S3::Bucket":               "s3:::NAME",
	"AWS::KMS::Key":                 "kms:REGION:ACCOUNT:key/NAME",
	"AWS::SQS::Queue":               "sqs:REGION:ACCOUNT:NAME",
	"AWS::SNS::Topic":               "sns:REGION:ACCOUNT:NAME",
	"AWS::IAM::Role":                "iam::ACCOUNT:role/NAME",
	"AWS::Serverless::Function":     "lambda:REGION:ACCOUNT:function:NAME",
	"AWS::Serverless::StateMachine": "states:REGION:ACCOUNT:stateMachine:NAME",
	"AWS::CloudWatch::Alarm":        "cloudwatch:REGION:ACCOUNT:alarm:NAME",
	"AWS::Logs::LogGroup":           "logs:REGION:ACCOUNT:log-group:NAME:*",
}

// attribute is what GetAtt gives.
func (s *Stack) attribute(logical, attribute string) (any, error) {
	r, ok := s.Resources[logical]
	if !ok {
		return nil, fmt.Errorf("there is no resource %s", logical)
	}
	name, err := s.resourceName(r)
	if err != nil {
		return nil, err
	}
	form, known := arnForms[r.Type]
	switch {
	case attribute == "Arn" && known:
		return "arn:aws:" + strings.NewReplacer("REGION", s.Region, "ACCOUNT", s.Account, "NAME", name).Replace(form), nil
	case attribute == "QueueName":
		return name, nil
	case attribute == "ApiEndpoint":
		return fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com", name, s.Region), nil
	}
	return nil, fmt.Errorf("the attribute %s of %s is not understood here", attribute, r.Type)
}

// Properties are those of a resource, resolved.
func (s *Stack) Properties(logical string) (map[string]any, error) {
	r, ok := s.Resources[logical]
	if !ok {
		return nil, fmt.Errorf("there is no resource %s", logical)
	}
	v, err := s.Resolve(r.Properties)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", logical, err)
	}
	return v.(map[string]any), nil
}

// Ref is what Ref gives for a resource, and ARN its ARN.
func (s *Stack) Ref(logical string) (string, error) {
	v, err := s.ref(logical)
	return text(v), err
}

// ARN is the resource's.
func (s *Stack) ARN(logical string) (string, error) {
	v, err := s.attribute(logical, "Arn")
	return text(v), err
}

// OfType lists the logical names of the resources of a type that are made in this deployment.
func (s *Stack) OfType(kind string) ([]string, error) {
	var names []string
	for name, r := range s.Resources {
		if r.Type != kind {
			continue
		}
		if r.Condition != "" {
			if ok, err := s.holds(r.Condition); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		names = append(names, name)
	}
	return names, nil
}
