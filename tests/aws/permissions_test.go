package aws_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"salvor.io/salvor/tests/aws/cloud"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/testenv"
)

// notCalled are permissions that no call of a function needs here, and why they are granted all the same.
var notCalled = map[string]string{
	"Logs logs:CreateLogStream":                    "Lambda writes logs in the role's name",
	"Logs logs:PutLogEvents":                       "Lambda writes logs in the role's name",
	"Traces xray:PutTraceSegments":                 "Lambda sends traces in the role's name",
	"Traces xray:PutTelemetryRecords":              "Lambda sends traces in the role's name",
	"Retries sqs:ReceiveMessage":                   "Lambda polls the queue in the role's name",
	"Retries sqs:DeleteMessage":                    "Lambda polls the queue in the role's name",
	"Retries sqs:GetQueueAttributes":               "Lambda polls the queue in the role's name",
	"Wakes sqs:ReceiveMessage":                     "Lambda polls the queue in the role's name",
	"Wakes sqs:DeleteMessage":                      "Lambda polls the queue in the role's name",
	"Wakes sqs:GetQueueAttributes":                 "Lambda polls the queue in the role's name",
	"Asks sqs:ReceiveMessage":                      "Lambda polls the queue in the role's name",
	"Asks sqs:DeleteMessage":                       "Lambda polls the queue in the role's name",
	"Asks sqs:GetQueueAttributes":                  "Lambda polls the queue in the role's name",
	"DeadLetters sqs:SendMessage":                  "Lambda hands failed events over in the role's name",
	"KeyByWayOfBucketAndTable kms:Decrypt":         "S3 and DynamoDB use the key in the caller's name",
	"KeyByWayOfBucketAndTable kms:GenerateDataKey": "S3 uses the key in the caller's name",
	"KeyByWayOfTable kms:Decrypt":                  "DynamoDB uses the key in the caller's name",
	"SchedulesInvokeAs iam:PassRole":               "IAM asks for it when a schedule is made that names a role",
	"ReachClusters sts:AssumeRole":                 "clusters are reached by roles there; TestTheDocsLeadToABackupAndBack does so",
	"StoreBackups s3:AbortMultipartUpload":         "an upload in parts that failed is ended; only what is larger than 64 MB goes up in parts",
	"Catalog dynamodb:BatchWriteItem":              "the index of a backup of many namespaces is written in batches",
	"Catalog dynamodb:BatchGetItem":                "hits of a search are confirmed in batches",
	"FindWhatSettles dynamodb:BatchGetItem":        "backups that settle have no copies in the index, and are confirmed in batches; here none is left to the watchdog",
	"Catalog dynamodb:DeleteItem":                  "index items that are found untrue, and objects, are removed",
	"SeeLocks s3:GetObjectRetention":               "S3 names a lock in its answer to a request for an object only to those who may read it",
	"SeeLocks s3:GetObjectLegalHold":               "S3 names a legal hold in its answer to a request for an object only to those who may read it",
	"TellMissingFromForbidden s3:ListBucket":       "without it S3 answers 403, and not 404, for what is missing",
	"Schedules scheduler:UpdateSchedule":           "a schedule that is there is updated",
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		if err := unusedPermissions(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// unusedPermissions compares the roles of the template with what all tests together needed. What is needed and not
// granted was refused, and failed a test.
func unusedPermissions() error {
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	s, err := stack.Load(filepath.Join(root, "template.yaml"), stack.Options{Name: "salvor", Region: cloud.Region, Account: cloud.Account})
	if err != nil {
		return err
	}
	functions, err := s.Functions()
	if err != nil {
		return err
	}
	var unused []string
	for _, f := range functions {
		policy, err := s.Policies(f.Role)
		if err != nil {
			return err
		}
		used := cloud.Used(f.Logical)
		for _, st := range policy {
			for _, a := range st.Actions {
				if p := st.Sid + " " + a; !used[p] && notCalled[p] == "" {
					unused = append(unused, f.Role+": "+p)
				}
			}
		}
	}
	slices.Sort(unused)
	if len(unused) > 0 {
		return fmt.Errorf("no call needed these permissions, and no reason is listed for them: %q", unused)
	}
	return nil
}
