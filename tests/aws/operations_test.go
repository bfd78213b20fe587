package aws_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// One request id leads from the request at the API to all that it brought about: the object, the lines of every function
// that worked on it, its metrics, and the steps in its trace. What alarms and the dashboard look at is among the metrics.
func TestOneRequestIsFoundEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	backup := w.post("/v1/backups", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"b1"},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":[%q]}}}`, ns))
	w.Machine.Idle()
	restore := w.post("/v1/restores", `{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r1"},"spec":{"sourceCluster":"prod","backup":"b1","targetCluster":"prod","conflict":"Update"}}`)
	w.Machine.Idle()
	w.Scheduler.FireOwn(t.Context(), "WatchdogSweep")
	w.Scheduler.FireOwn(t.Context(), "ScheduleSweep")

	for end := time.Now().Add(time.Minute); len(w.unheard()) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond) // a line arrives a moment after the answer of the function that wrote it
	}
	if metrics := w.unheard(); len(metrics) > 0 {
		t.Errorf("the template shows metrics that nobody emits: %q", metrics)
	}
	found := map[string]bool{}
	for _, line := range w.functionLogs() {
		if line["request_id"] == backup && line["msg"] == "request" && line["api_request_id"] != "" {
			found["the request itself"] = true
		}
		for kind, id := range map[string]string{"backup": backup, "restore": restore} {
			if line["origin_request_id"] != id {
				continue
			}
			if line["request_id"] == id || line["request_id"] == "" {
				t.Errorf("a function other than the API's logs as request %v", line["request_id"])
			}
			found[fmt.Sprintf("%s: %v", kind, line["msg"])] = true
			if line["_aws"] != nil {
				found[kind+": metrics"] = true
			}
		}
	}
	for _, want := range []string{"the request itself", "backup: step", "backup: worked", "backup: metrics", "restore: worked", "restore: metrics"} {
		if !found[want] {
			t.Errorf("in the logs there is no %s", want)
		}
	}
	w.Eventually("the steps are in the trace", func() bool { return len(missingSteps(w, backup)) == 0 })
}

// post asks for work and returns the request id that the object carries.
func (w *world) post(path, body string) string {
	w.t.Helper()
	a := w.API.Call("POST", path, body)
	var o struct{ Metadata salvor.ObjectMeta }
	if err := json.Unmarshal(a.Body, &o); err != nil || a.Status != 202 {
		w.t.Fatalf("POST %s answers %d: %s", path, a.Status, a.Body)
	}
	id := o.Metadata.Annotations[salvor.RequestAnnotation]
	if id == "" {
		w.t.Fatalf("what was made by POST %s carries no request id", path)
	}
	return id
}

// functionLogs are the lines that functions wrote. Each is a JSON object.
func (w *world) functionLogs() (lines []map[string]any) {
	w.t.Helper()
	functions, err := w.Stack.Functions()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, logged := range w.Logs() {
		source, text, _ := strings.Cut(logged, " ")
		for _, f := range functions {
			if f.Name != source {
				continue
			}
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				w.t.Errorf("%s logs what is not JSON: %s", source, text)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// metricsOf are the metrics that CloudWatch takes from the line, with the dimension and the values that it needs for that.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func metricsOf(line map[string]any) (names []string) {
	var directive struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	data, _ := json.Marshal(line["_aws"])
	_ = json.Unmarshal(data, &directive)
	for _, d := range directive.CloudWatchMetrics {
		if d.Namespace != "Salvor" || len(d.Dimensions) != 1 || !slices.Equal(d.Dimensions[0], []string{"Stack"}) || line["Stack"] == "" {
			continue
		}
		for _, m := range d.Metrics {
			if _, is := line[m.Name].(float64); is {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// unheard are the metrics that the template shows and no function has emitted so far.
func (w *world) unheard() []string {
	w.t.Helper()
	metrics := w.shownMetrics()
	for _, line := range w.functionLogs() {
		emitted := metricsOf(line)
		metrics = slices.DeleteFunc(metrics, func(name string) bool { return slices.Contains(emitted, name) })
	}
	return metrics
}

// shownMetrics are those of Salvor that the template's alarms and its dashboard look at.
func (w *world) shownMetrics() (names []string) {
	w.t.Helper()
	alarms, err := w.Stack.OfType("AWS::CloudWatch::Alarm")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range alarms {
		p, err := w.Stack.Properties(a)
		if err != nil {
			w.t.Fatal(err)
		}
		if p["Namespace"] == "Salvor" {
			names = append(names, p["MetricName"].(string))
		}
	}
	p, err := w.Stack.Properties("Dashboard")
	if err != nil {
		w.t.Fatal(err)
	}
	var body struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	if err := json.Unmarshal([]byte(p["DashboardBody"].(string)), &body); err != nil {
		w.t.Fatalf("the dashboard is not JSON: %v", err)
	}
	for _, widget := range body.Widgets {
		namespace := ""
		for _, m := range widget.Properties.Metrics {
			if first := m[0].(string); first != "." && first != "..." {
				namespace = first
			}
			if namespace == "Salvor" && m[0] != "..." {
				names = append(names, m[1].(string))
			}
		}
	}
	if len(names) < 5 {
		w.t.Fatalf("the template shows only %v", names)
	}
	return names
}

// missingSteps are the steps that the trace of the request lacks.
func missingSteps(w *world, request string) []string {
	missing := []string{"connect", "plan", "cut", "capture", "manifest", "catalog"}
	for _, s := range w.Traces.Subsegments() {
		if s.Annotations["request"] == request && s.Type == "subsegment" && len(s.ID) == 16 && strings.HasPrefix(s.TraceID, "1-") && s.ParentID != "" && 0 < s.Start && s.Start <= s.End {
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == s.Name })
		}
	}
	return missing
}
