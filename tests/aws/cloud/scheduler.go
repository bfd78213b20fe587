package cloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"salvor.io/salvor/tests/aws/stack"
)

// Scheduler is EventBridge Scheduler: it keeps schedules, and fires one when a test says what time it is.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
type Scheduler struct {
	c *Cloud

	mu        sync.Mutex
	schedules map[string]Schedule
	// template are those that the template makes, by logical name.
	template map[string]Schedule
}

// Schedule is one, as it was created.
type Schedule struct {
	Name, GroupName                                string
	ScheduleExpression, ScheduleExpressionTimezone string
	State                                          string
	StartDate, EndDate                             float64 `json:",omitzero"` // Unix seconds
	FlexibleTimeWindow                             struct{ Mode string }
	Target                                         struct {
		Arn, RoleArn, Input string
		DeadLetterConfig    struct{ Arn string }
		RetryPolicy         struct{ MaximumRetryAttempts, MaximumEventAgeInSeconds *int }
	}
}

func newScheduler(c *Cloud) *Scheduler {
	return &Scheduler{c: c, schedules: map[string]Schedule{}, template: map[string]Schedule{}}
}

// own reads the schedules that the template makes.
func (s *Scheduler) own() {
	s.c.t.Helper()
	names, err := s.c.Stack.OfType("AWS::Scheduler::Schedule")
	if err != nil {
		s.c.t.Fatal(err)
	}
	for _, logical := range names {
		p, err := s.c.Stack.Properties(logical)
		var data []byte
		if err == nil {
			data, err = json.Marshal(p)
		}
		var one Schedule
		if err == nil {
			err = json.Unmarshal(data, &one)
		}
		if err != nil {
			s.c.t.Fatalf("%s: %v", logical, err)
		}
		s.template[logical] = one
	}
}

// FireOwn is Fire for a schedule that the template makes.
func (s *Scheduler) FireOwn(ctx context.Context, logical string) {
	s.c.t.Helper()
	one, ok := s.template[logical]
	if !ok {
		s.c.t.Errorf("the template makes no schedule %s", logical)
		return
	}
	s.fire(ctx, one, time.Now())
}

// listPage is how many schedules a page has: few, so that there are several.
const listPage = 2

// list answers ListSchedules.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html
func (s *Scheduler) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out := map[string]any{}
	var page []Schedule
	for _, one := range s.Schedules() {
		if one.GroupName != q.Get("ScheduleGroup") || one.Name <= q.Get("NextToken") {
			continue
		}
		if len(page) == listPage {
			out["NextToken"] = page[listPage-1].Name
			break
		}
		page = append(page, one)
	}
	out["Schedules"] = page
	reply(w, http.StatusOK, out)
}

// ServeHTTP creates, reads, updates, deletes and lists schedules.
func (s *Scheduler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/schedules" {
		s.list(w, r)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/schedules/")
	body, err := io.ReadAll(r.Body)
	var in Schedule
	if err == nil && r.Method != http.MethodDelete && r.Method != http.MethodGet {
		err = json.Unmarshal(body, &in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was, there := s.schedules[name]
	in.Name = name
	switch {
	case err != nil:
		refuse(w, "scheduler", http.StatusBadRequest, "ValidationException", err.Error())
	case r.Method == http.MethodPost && there:
		refuse(w, "scheduler", http.StatusConflict, "ConflictException", name+" exists")
	case r.Method != http.MethodPost && !there:
		refuse(w, "scheduler", http.StatusNotFound, "ResourceNotFoundException", name+" does not exist")
	case r.Method == http.MethodGet:
		reply(w, http.StatusOK, was)
	case r.Method == http.MethodDelete:
		delete(s.schedules, name)
		reply(w, http.StatusOK, struct{}{})
	case in.EndDate != 0 && time.Unix(int64(in.EndDate), 0).Before(time.Now()):
		refuse(w, "scheduler", http.StatusBadRequest, "ValidationException", "The EndDate you specify is over.")
	case len(name) > 64 || in.GroupName != s.c.ref("ScheduleGroup") || in.FlexibleTimeWindow.Mode == "" || !json.Valid([]byte(in.Target.Input)):
		refuse(w, "scheduler", http.StatusBadRequest, "ValidationException", "name, group, window or input")
	case in.StartDate != 0 && time.Unix(int64(in.StartDate), 0).Before(time.Now().Add(-5*time.Minute)):
		refuse(w, "scheduler", http.StatusBadRequest, "ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")
	case in.Target.RoleArn != s.c.arn("SchedulerRole"):
		refuse(w, "scheduler", http.StatusBadRequest, "ValidationException", "the role can't be assumed by Scheduler")
	default:
		s.schedules[name] = in
		reply(w, http.StatusOK, map[string]string{"ScheduleArn": "arn:aws:scheduler:" + Region + ":" + Account + ":schedule/" + in.GroupName + "/" + name})
	}
}

// Schedules are all that there are, by name.
func (s *Scheduler) Schedules() []Schedule {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Schedule
	for _, one := range s.schedules {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Schedule) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Spoil changes a schedule behind Salvor's back, or makes one; nil removes it.
func (s *Scheduler) Spoil(name string, change func(*Schedule)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if change == nil {
		delete(s.schedules, name)
		return
	}
	one := s.schedules[name]
	one.Name = name
	change(&one)
	s.schedules[name] = one
}

// Fire invokes the schedule's target for the time, as one delivery; it returns when that has come to an end. Scheduler
// delivers at least once: a test fires as often as it likes.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func (s *Scheduler) Fire(ctx context.Context, name string, at time.Time) {
	s.c.t.Helper()
	s.mu.Lock()
	one, ok := s.schedules[name]
	s.mu.Unlock()
	if !ok {
		s.c.t.Errorf("there is no schedule %s", name)
		return
	}
	s.fire(ctx, one, at)
}

func (s *Scheduler) fire(ctx context.Context, one Schedule, at time.Time) {
	s.c.t.Helper()
	if one.State == "DISABLED" {
		return
	}
	input := strings.NewReplacer(
		"<aws.scheduler.scheduled-time>", at.UTC().Format("2006-01-02T15:04:05Z"),
		"<aws.scheduler.schedule-arn>", "arn:aws:scheduler:"+Region+":"+Account+":schedule/"+one.GroupName+"/"+one.Name,
		"<aws.scheduler.execution-id>", uuid.NewString()[:16],
		"<aws.scheduler.attempt-number>", "1",
	).Replace(one.Target.Input)
	if !stack.Allows(s.role(one.Target.RoleArn), stack.Request{Action: "lambda:InvokeFunction", Resource: one.Target.Arn}) {
		s.drop(one, input)
		return
	}
	for logical, d := range s.c.functions {
		if d.ARN == one.Target.Arn {
			s.c.Async(ctx, logical, input)
			return
		}
	}
	s.drop(one, input)
}

// drop is what becomes of a delivery that is impossible.
func (s *Scheduler) drop(one Schedule, input string) {
	s.c.log("scheduler", "dropped "+one.Name)
	if one.Target.DeadLetterConfig.Arn != "" {
		s.c.Queues.send(one.Target.DeadLetterConfig.Arn, input, 0)
	}
}

// role is what the role of the ARN may do.
func (s *Scheduler) role(arn string) []stack.Statement {
	s.c.t.Helper()
	for logical, r := range s.c.Stack.Resources {
		if r.Type != "AWS::IAM::Role" || s.c.arn(logical) != arn {
			continue
		}
		policy, err := s.c.Stack.Policies(logical)
		if err != nil {
			s.c.t.Error(err)
		}
		return policy
	}
	return nil
}
