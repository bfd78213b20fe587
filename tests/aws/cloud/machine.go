package cloud

import (
	"encoding/json"
	"net/http"
	"sync"
)

// Machine is Step Functions.
type Machine struct {
	c  *Cloud
	mu sync.Mutex
	// Started are the inputs of executions, by name.
	started map[string]string
	running sync.WaitGroup
}

func newMachine(c *Cloud) *Machine { return &Machine{c: c, started: map[string]string{}} }

// serve answers StartExecution: the same name with the same input is the same execution.
func (m *Machine) serve(w http.ResponseWriter, body []byte) {
	var in struct{ Name, Input string }
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, "states", http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, there := m.started[in.Name]; there && before != in.Input {
		refuse(w, "states", http.StatusBadRequest, "ExecutionAlreadyExists", in.Name)
		return
	}
	m.started[in.Name] = in.Input
	reply(w, http.StatusOK, map[string]any{"executionArn": "arn:aws:states:" + Region + ":" + Account + ":execution:work:" + in.Name, "startDate": 0})
}

func (m *Machine) wait() { m.running.Wait() }
