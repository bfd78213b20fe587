package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"salvor.io/salvor/tools/internal/cluster"
	"salvor.io/salvor/tools/internal/dynamo"
	"salvor.io/salvor/tools/internal/guard"
	"salvor.io/salvor/tools/internal/instance"
	"salvor.io/salvor/tools/internal/s3gateway"
)

// Server makes the server of a spec, whatever its kind: the one place that
// knows all kinds. It is a guard.Factory.
func Server(spec guard.Spec) (guard.Server, error) {
	switch spec.Instance.Kind {
	case instance.Kube:
		c := &cluster.Cluster{Name: spec.Instance.Name, Dir: spec.Dir, Bin: spec.Bin, Limit: spec.Limit, ID: spec.Instance.ID(), Now: time.Now}
		return c, decode(spec.Config, &c.Options)
	case instance.S3:
		g := &s3gateway.Gateway{Name: spec.Instance.Name, Dir: spec.Dir, Bin: spec.Bin}
		return g, decode(spec.Config, &g.Options)
	case instance.DynamoDB:
		d := &dynamo.Server{Name: spec.Instance.Name, Dir: spec.Dir}
		return d, decode(spec.Config, &d.Options)
	default:
		return nil, fmt.Errorf("unknown kind of instance %q", spec.Instance.Kind)
	}
}

func decode(config json.RawMessage, into any) error {
	if len(config) == 0 {
		return nil // made only to clean up
	}
	if err := json.Unmarshal(config, into); err != nil {
		return fmt.Errorf("decoding the options: %w", err)
	}
	return nil
}
