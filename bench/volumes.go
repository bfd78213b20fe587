package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/salvor"
)

// A minute is how long snapshots of class "pending" take to become ready.
const pendingFor = time.Minute

// volumeApp is a pod with volumes in a namespace of its own.
type volumeApp struct {
	namespace string
	volumes   int
	// size that its claims ask for, and that the file in each has, most of it holes.
	claim, file string
}

// volumeApps are small and large, with one volume and as many as are held at once.
var volumeApps = []volumeApp{
	{"one", 1, "1Gi", "1M"},
	{"one-large", 1, "1Ti", "200G"},
	{"twenty", 20, "1Gi", "1M"},
	{"twenty-large", 20, "1Ti", "200G"},
}

// volumeSides are what is compared, in turn: how long a backup held which application, with snapshots of which class.
var volumeSides = []struct{ name, namespace, class string }{
	{"1", "one", "ebs"},
	{"1-large", "one-large", "ebs"},
	{"20", "twenty", "ebs"},
	{"20-large", "twenty-large", "ebs"},
	{"1-pending", "one", "pending"}, // the pending ones come last, the many after the one: what is asked for meanwhile takes turns
	{"20-pending", "twenty", "pending"},
}

// benchVolumes compares, in turn, for how long a backup holds an application with one volume and with 20, with small ones
// and large ones, and with snapshots that are ready at once and after a minute; and, beside it, what it can't do without:
// the commands of the rule and the snapshots, by bare requests.
//
// The CSI driver of the throw-away cluster cuts by a copy. What is large here is made of holes, which it does not copy: so
// it cuts in a time that does not depend on the size, as EBS does, and what is measured is whether Salvor's depends on it.
func benchVolumes(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "volumes", "--snapshots")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	if err := startVolumeApps(ctx, client, config); err != nil {
		return nil, err
	}
	c, err := b.newCommand(ctx, "volumes", k)
	if err != nil {
		return nil, err
	}
	rules := fmt.Sprintf(ruleText, "freeze", actions(freezing...)) + fmt.Sprintf(ruleText, "thaw", actions(thawing))
	file := filepath.Join(b.dir, "volume-rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		return nil, fmt.Errorf("writing the rules: %w", err)
	}
	if err := c.do(ctx, "apply", "-f", file); err != nil {
		return nil, err
	}
	times := map[string][]float64{}
	for i := range b.rounds + 1 {
		round, err := volumeRound(ctx, b, c, client, config, i)
		if err != nil {
			return nil, err
		}
		b.say("volumes: round %d: %v", i, round)
		if i == 0 { // nobody counts a warm-up
			continue
		}
		for name, t := range round {
			times[name] = append(times[name], t)
		}
	}
	return volumeResults(times), nil
}

func volumeResults(times map[string][]float64) []Result {
	var results []Result
	for _, n := range []string{"1", "20"} {
		results = append(results,
			info("volumes/bare-"+n, times["bare-"+n], "s"),
			info("volumes/frozen-"+n, times[n], "s"),
			info("volumes/frozen-"+n+"-large", times[n+"-large"], "s"),
			info("volumes/frozen-"+n+"-pending", times[n+"-pending"], "s"),
			atMost(1.5, "volumes/frozen-to-bare-"+n, ratios(times[n], times["bare-"+n]), "x"),
			atMost(1.25, "volumes/large-to-small-"+n, ratios(times[n+"-large"], times[n]), "x"),
			atMost(1.25, "volumes/pending-to-ready-"+n, ratios(times[n+"-pending"], times[n]), "x"))
	}
	return results
}

// volumeRound measures every side once, in seconds. It ends when the snapshots that were pending are ready, so that
// nobody asks for them while others are measured.
func volumeRound(ctx context.Context, b *bench, c *command, client *rest.RESTClient, config *rest.Config, round int) (map[string]float64, error) {
	times := map[string]float64{}
	for _, app := range []volumeApp{volumeApps[0], volumeApps[2]} {
		t, err := seconds(func() error { return bareCut(ctx, client, config, app) })
		if err != nil {
			return nil, err
		}
		times[fmt.Sprintf("bare-%d", app.volumes)] = t
		if err := removeBareCut(ctx, client, app); err != nil {
			return nil, err
		}
	}
	var pending []string
	for _, side := range volumeSides {
		name := fmt.Sprintf("volumes-%d-%s", round, side.name)
		file := filepath.Join(b.dir, name+".yaml")
		text := fmt.Sprintf(volumeBackup, name, side.namespace, side.class)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("writing a backup: %w", err)
		}
		if err := c.do(ctx, "backup", "create", "-f", file, "--no-wait"); err != nil {
			return nil, err
		}
		phase := salvor.PhaseCompleted
		if side.class == "pending" {
			phase, pending = salvor.PhaseSettling, append(pending, name)
		}
		held, err := heldFor(ctx, c, name, phase)
		if err != nil {
			return nil, err
		}
		times[side.name] = held
	}
	for _, name := range pending {
		if err := c.do(ctx, "backup", "resume", name); err != nil {
			return nil, err
		}
	}
	return times, nil
}

const volumeBackup = `apiVersion: salvor.io/v1
kind: Backup
metadata: {name: %s}
spec:
  cluster: bench
  location: bench
  scope: {namespaces: [%s], kinds: [persistentvolumeclaims]}
  preExecRule: freeze
  postExecRule: thaw
  volumes: {snapshotClasses: {ebs.csi.aws.com: %s}}
`

// heldFor returns for how many seconds the backup held the application. Every volume has to be cut, and ready or not as
// the phase says.
func heldFor(ctx context.Context, c *command, name string, phase salvor.Phase) (float64, error) {
	out, err := c.output(ctx, "get", "backup", name, "-o", "json")
	if err != nil {
		return 0, err
	}
	var b salvor.Backup
	if err := json.Unmarshal(out, &b); err != nil {
		return 0, fmt.Errorf("reading backup %s: %w", name, err)
	}
	if s := b.Status; s.FrozenFor.Duration <= 0 || s.Volumes.Total == 0 || s.Volumes.Cut != s.Volumes.Total || s.Phase != phase {
		return 0, fmt.Errorf("backup %s is %s with %d of %d volumes cut, and held the application for %s: %s", name, s.Phase, s.Volumes.Cut, s.Volumes.Total, s.FrozenFor.Duration, s.Message)
	}
	return b.Status.FrozenFor.Seconds(), nil
}
