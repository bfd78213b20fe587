package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/testenv"
)

// maxState is the most bytes of a state's input or output.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxState = 256 << 10

// Machine is Step Functions: it executes the definition that the template names, on the real functions.
type Machine struct {
	c          *Cloud
	definition []byte
	endpoint   string
	ctx        context.Context
	stop       context.CancelFunc
	running    sync.WaitGroup

	// Invocation, if set, changes an invocation: with a shorter time, work takes several.
	Invocation func() function.Options
	// Waits and Retries are milliseconds, by the state's name, in place of what the definition says.
	Waits, Retries map[string]int

	mu         sync.Mutex
	executions []*Execution
}

// Execution is one of the state machine.
type Execution struct {
	Name, Input string
	// States are those that it entered, in order.
	States []string
	// Error and Cause are why it failed; both are empty when it succeeded, or still runs.
	Error, Cause string
	Done         bool
}

func newMachine(c *Cloud) *Machine {
	definition, err := c.Stack.Definition("WorkMachine")
	if err != nil {
		c.t.Fatal(err)
	}
	m := &Machine{c: c, definition: definition}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.endpoint = c.serve(http.HandlerFunc(m.invoke))
	return m
}

// serve answers StartExecution: the same name with the same input is the same execution.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
func (m *Machine) serve(w http.ResponseWriter, body []byte) {
	var in struct{ Name, Input string }
	if err := json.Unmarshal(body, &in); err != nil || len(in.Name) > 80 || len(in.Input) > maxState {
		refuse(w, "states", http.StatusBadRequest, "InvalidName", in.Name)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.executions {
		if e.Name == in.Name {
			if e.Done || e.Input != in.Input {
				refuse(w, "states", http.StatusBadRequest, "ExecutionAlreadyExists", in.Name)
				return
			}
			m.started(w, e)
			return
		}
	}
	e := &Execution{Name: in.Name, Input: in.Input}
	m.executions = append(m.executions, e)
	m.running.Go(func() { m.execute(e) })
	m.started(w, e)
}

func (m *Machine) started(w http.ResponseWriter, e *Execution) {
	reply(w, http.StatusOK, map[string]any{"executionArn": "arn:aws:states:" + Region + ":" + Account + ":execution:work:" + e.Name, "startDate": 0})
}

// Executions are all that there were so far, as they are now.
func (m *Machine) Executions() []Execution {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Execution
	for _, e := range m.executions {
		one := *e
		one.States = append([]string{}, e.States...)
		all = append(all, one)
	}
	return all
}

// mostWork is how long work takes at most here, on a machine that is busy.
const mostWork = 5 * time.Minute

// Idle waits until no execution runs. Work that does not end fails the test, whose logs then say what it does all the time.
func (m *Machine) Idle() {
	m.c.t.Helper()
	idle := make(chan struct{})
	go func() {
		m.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(mostWork):
		m.c.t.Fatalf("after %s the state machine still works: %+v", mostWork, m.Executions())
	}
}

// end stops what runs.
func (m *Machine) end() {
	m.stop()
	m.running.Wait()
}

// execute runs one execution to its end.
func (m *Machine) execute(e *Execution) {
	root, err := testenv.Root()
	if err != nil {
		m.ended(e, "Host", err.Error())
		return
	}
	in, err := json.Marshal(map[string]any{"definition": json.RawMessage(m.definition), "input": json.RawMessage(e.Input),
		"endpoint": m.endpoint, "waits": m.Waits, "retries": m.Retries})
	if err != nil {
		m.ended(e, "Host", err.Error())
		return
	}
	cmd := exec.CommandContext(m.ctx, filepath.Join(root, "tools", "run"), "stepfunctions")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		m.ended(e, "Host", fmt.Sprintf("%v: %s", err, &stderr))
		return
	}
	var last struct{ State, Error, Cause string }
	var states []string
	for d := json.NewDecoder(&stdout); d.More(); {
		last.State, last.Error, last.Cause = "", "", ""
		if err := d.Decode(&last); err != nil {
			m.ended(e, "Host", err.Error())
			return
		}
		if last.State != "" {
			states = append(states, last.State)
		}
	}
	m.mu.Lock()
	e.States = states
	m.mu.Unlock()
	m.ended(e, last.Error, last.Cause)
}

func (m *Machine) ended(e *Execution, kind, cause string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.Error, e.Cause, e.Done = kind, cause, true
	m.c.log("machine", fmt.Sprintf("%s %v %s %s", e.Name, e.States, e.Error, e.Cause))
}

// invoke is what a task does.
func (m *Machine) invoke(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in struct {
		Function string
		Payload  json.RawMessage
	}
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		reply(w, http.StatusOK, map[string]string{"error": "Host", "cause": err.Error()})
		return
	}
	for _, d := range m.c.functions {
		if d.ARN != in.Function {
			continue
		}
		var o function.Options
		if m.Invocation != nil {
			o = m.Invocation()
		}
		result, err := d.process.Invoke(m.ctx, in.Payload, o)
		switch {
		case err != nil:
			reply(w, http.StatusOK, map[string]string{"error": "Lambda.Unknown", "cause": err.Error()})
		case result.Error != "":
			reply(w, http.StatusOK, map[string]string{"error": result.Error, "cause": string(result.Payload)})
		default:
			reply(w, http.StatusOK, map[string]any{"payload": json.RawMessage(result.Payload)})
		}
		return
	}
	reply(w, http.StatusOK, map[string]string{"error": "Lambda.ResourceNotFoundException", "cause": in.Function})
}
