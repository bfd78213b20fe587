package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"salvor.io/salvor/tests/aws/signed"
	"salvor.io/salvor/tests/aws/stack"
)

// requestOf tells which action on which resource a call is, in the words of IAM.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func (c *Cloud) requestOf(scope *signed.Scope, r *http.Request, body []byte) (stack.Request, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch scope.Service {
	case "dynamodb":
		return c.dynamoRequest(operation, body)
	case "s3":
		return s3Request(r)
	case "states":
		var in struct{ StateMachineArn string }
		err := json.Unmarshal(body, &in)
		return stack.Request{Action: "states:" + operation, Resource: in.StateMachineArn}, err
	case "scheduler":
		return c.scheduleRequest(r)
	case "sqs":
		var in struct {
			QueueURL string `json:"QueueUrl"`
		}
		err := json.Unmarshal(body, &in)
		return stack.Request{Action: "sqs:" + operation, Resource: queueARN(in.QueueURL)}, err
	case "eks":
		name := strings.TrimPrefix(r.URL.Path, "/clusters/")
		return stack.Request{Action: "eks:DescribeCluster", Resource: fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", scope.Region, Account, name)}, nil
	case "sts":
		form, err := url.ParseQuery(string(body))
		return stack.Request{Action: "sts:" + form.Get("Action"), Resource: form.Get("RoleArn")}, err
	}
	return stack.Request{}, fmt.Errorf("the service %q is not known here", scope.Service)
}

func s3Request(r *http.Request) (stack.Request, error) {
	bucket, key, object := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	resource := "arn:aws:s3:::" + bucket
	if !object || key == "" {
		if r.Method == http.MethodGet && q.Get("list-type") == "2" {
			return stack.Request{Action: "s3:ListBucket", Resource: resource}, nil
		}
		return stack.Request{}, fmt.Errorf("%s of a bucket is not known here", r.Method)
	}
	resource += "/" + key
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		if q.Has("versionId") {
			return stack.Request{Action: "s3:GetObjectVersion", Resource: resource}, nil
		}
		return stack.Request{Action: "s3:GetObject", Resource: resource}, nil
	case r.Method == http.MethodPut, r.Method == http.MethodPost && (q.Has("uploads") || q.Has("uploadId")):
		return stack.Request{Action: "s3:PutObject", Resource: resource, Context: putContext(r)}, nil
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return stack.Request{Action: "s3:AbortMultipartUpload", Resource: resource}, nil
	case r.Method == http.MethodDelete:
		if q.Has("versionId") {
			return stack.Request{Action: "s3:DeleteObjectVersion", Resource: resource}, nil
		}
		return stack.Request{Action: "s3:DeleteObject", Resource: resource}, nil
	}
	return stack.Request{}, fmt.Errorf("%s of an object is not known here", r.Method)
}

func (c *Cloud) scheduleRequest(r *http.Request) (stack.Request, error) {
	if r.Method == http.MethodGet && r.URL.Path == "/schedules" {
		return stack.Request{Action: "scheduler:ListSchedules", Resource: "*"}, nil // it has no resource that a policy could name
	}
	name := strings.TrimPrefix(r.URL.Path, "/schedules/")
	actions := map[string]string{http.MethodPost: "CreateSchedule", http.MethodPut: "UpdateSchedule", http.MethodDelete: "DeleteSchedule", http.MethodGet: "GetSchedule"}
	return stack.Request{Action: "scheduler:" + actions[r.Method],
		Resource: fmt.Sprintf("arn:aws:scheduler:%s:%s:schedule/%s/%s", Region, Account, c.ref("ScheduleGroup"), name)}, nil
}

// putContext are the condition keys of a request that puts an object, or something of one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
func putContext(r *http.Request) map[string][]string {
	q := r.URL.Query()
	keys := map[string][]string{"s3:ObjectCreationOperation": {fmt.Sprint(!q.Has("partNumber") && !q.Has("uploads"))}}
	if v := r.Header.Values("If-None-Match"); len(v) > 0 {
		keys["s3:if-none-match"] = v
	}
	return keys
}
