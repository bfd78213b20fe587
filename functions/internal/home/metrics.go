package home

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
)

// namespace is where CloudWatch keeps Salvor's metrics.
const namespace = "Salvor"

// Metric is one number of an event and its unit, such as Count, Milliseconds or Bytes.
type Metric struct {
	Name, Unit string
	Value      float64
}

// Flag is a metric that counts events of which something is true.
func Flag(name string, is bool) Metric {
	m := Metric{Name: name, Unit: "Count"}
	if is {
		m.Value = 1
	}
	return m
}

// Emit writes metrics as one line of the log, from which CloudWatch takes them: the embedded metric format. Their one
// dimension is the stack; properties, such as a backup's name, are kept with the line and make no metric of their own.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (h *Home) Emit(ctx context.Context, properties map[string]string, metrics ...Metric) {
	line := map[string]any{"Stack": h.Config.Stack, "request_id": RequestID(ctx), "origin_request_id": origin(ctx)}
	for _, name := range slices.Collect(maps.Keys(properties)) {
		line[name] = properties[name]
	}
	type definition struct{ Name, Unit string }
	var definitions []definition
	for _, m := range metrics {
		definitions = append(definitions, definition{m.Name, m.Unit})
		line[m.Name] = m.Value
	}
	line["_aws"] = map[string]any{"Timestamp": h.Now().UnixMilli(), "CloudWatchMetrics": []any{map[string]any{
		"Namespace": namespace, "Dimensions": [][]string{{"Stack"}}, "Metrics": definitions}}}
	data, err := json.Marshal(line)
	if err != nil {
		h.Log.ErrorContext(ctx, "metrics", "error", err)
		return
	}
	_, _ = h.logs.Write(append(data, '\n')) // where the log goes; there is no other place to say so
}
