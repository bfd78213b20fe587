// Package event reads what a function is invoked with.
//
// An ask is one piece of work that an event asks for: a Backup or a Restore to begin, a run of a schedule, or a job,
// which is work that was begun before and has to go on. The same ask may come in different clothes: as it is, from the
// console or the command line; from EventBridge Scheduler; from Step Functions; or in the records of an SQS queue, where
// asks go that failed before.
package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"salvor.io/salvor/shared/salvor"
)

// Ask is one piece of work. Exactly one of its parts is set.
type Ask struct {
	// Object is a Backup or a Restore to begin.
	Object salvor.Object
	// Schedule is a run of a schedule.
	Schedule *Schedule
	// Job is work that goes on.
	Job *Job
}

// Schedule is a run of a schedule: which, and the time that was meant, whenever it is delivered.
type Schedule struct {
	Name string    `json:"schedule"`
	For  time.Time `json:"scheduledFor"`
}

// KindDelete is the job that deletes a backup.
const KindDelete = "Delete"

// Job is work that was begun: the state machine's input, and what it invokes functions with.
type Job struct {
	// Kind is Backup, Restore or Delete.
	Kind string `json:"job"`
	// ClusterID is that of a backup to make or to delete.
	ClusterID string `json:"clusterID,omitempty"`
	Name      string `json:"name"`
}

// String names the job for people.
func (j Job) String() string {
	if j.ClusterID == "" {
		return strings.ToLower(j.Kind) + " " + j.Name
	}
	return strings.ToLower(j.Kind) + " " + j.ClusterID + "/" + j.Name
}

// maxWrappings is how often an ask may be wrapped up: a record of a queue, around what Lambda writes about a failed
// invocation.
const maxWrappings = 3

// Parse reads an event that asks for one thing. Invalid: it asks for nothing that is known.
func Parse(raw []byte) (*Ask, error) { return parse(raw, maxWrappings) }

func parse(raw []byte, wrappings int) (*Ask, error) {
	var head struct {
		Kind       string          `json:"kind"`
		Job        string          `json:"job"`
		Schedule   string          `json:"schedule"`
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Payload    json.RawMessage `json:"requestPayload"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "the event is not a JSON object: %w", err)
	}
	switch {
	case head.Kind == salvor.KindBackup, head.Kind == salvor.KindRestore:
		return parseObject(raw)
	case head.Job != "":
		return parseJob(raw)
	case head.Schedule != "":
		return parseSchedule(raw)
	case head.Source == "aws.scheduler":
		return parseDefault(raw)
	case head.Payload != nil && wrappings > 0:
		// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
		return parse(head.Payload, wrappings-1)
	}
	return nil, salvor.Errorf(salvor.Invalid, "the event asks for nothing that is known").
		WithHint(`send a Backup or Restore as JSON, {"schedule":…,"scheduledFor":…}, or {"job":…,"name":…}; the function's folder events/ has samples`)
}

func parseObject(raw []byte) (*Ask, error) {
	objects, err := salvor.Load(raw, "event")
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 {
		return nil, salvor.Errorf(salvor.Invalid, "the event holds %d objects instead of one", len(objects))
	}
	return &Ask{Object: objects[0]}, nil
}

func parseJob(raw []byte) (*Ask, error) {
	var j Job
	if err := strict(raw, &j); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading the job: %w", err)
	}
	switch {
	case j.Name == "", (j.Kind == salvor.KindBackup || j.Kind == KindDelete) && j.ClusterID == "":
		return nil, salvor.Errorf(salvor.Invalid, "the job does not name its %s", strings.ToLower(j.Kind))
	case j.Kind != salvor.KindBackup && j.Kind != salvor.KindRestore && j.Kind != KindDelete:
		return nil, salvor.Errorf(salvor.Invalid, "there is no job %q: it is Backup, Restore or Delete", j.Kind)
	}
	return &Ask{Job: &j}, nil
}

// parseSchedule reads the input that Salvor gives to its EventBridge schedules.
func parseSchedule(raw []byte) (*Ask, error) {
	var s Schedule
	if err := strict(raw, &s); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading the run of a schedule: %w", err)
	}
	return checkSchedule(s)
}

// parseDefault reads what EventBridge Scheduler sends for a schedule that has no input of its own: its name is that of
// the BackupSchedule, and the time is the scheduled one.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func parseDefault(raw []byte) (*Ask, error) {
	var e events.EventBridgeEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "reading an event of EventBridge Scheduler: %w", err)
	}
	if len(e.Resources) != 1 {
		return nil, salvor.Errorf(salvor.Invalid, "an event of EventBridge Scheduler names %d schedules instead of one", len(e.Resources))
	}
	_, path, _ := strings.Cut(e.Resources[0], ":schedule/")
	_, name, _ := strings.Cut(path, "/") // after the group's name
	return checkSchedule(Schedule{Name: name, For: e.Time})
}

func checkSchedule(s Schedule) (*Ask, error) {
	switch {
	case s.Name == "":
		return nil, salvor.Errorf(salvor.Invalid, "the event names no schedule")
	case s.For.IsZero():
		return nil, salvor.Errorf(salvor.Invalid, "the event does not say which time schedule %q meant", s.Name).
			WithHint("scheduledFor is that time in RFC 3339; a run is called after it, so that a second delivery finds the first")
	}
	s.For = s.For.UTC().Truncate(time.Second)
	return &Ask{Schedule: &s}, nil
}

// Records returns the records of an SQS event, and false when it is none.
func Records(raw []byte) ([]events.SQSMessage, bool) {
	var e events.SQSEvent
	if err := json.Unmarshal(raw, &e); err != nil || len(e.Records) == 0 || e.Records[0].EventSource != "aws:sqs" {
		return nil, false
	}
	return e.Records, true
}

// strict decodes into v and refuses fields that v lacks.
func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return nil
}
