package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// volumeSide is what is compared: how long a backup, or somebody bare, holds an application, with snapshots of a class.
type volumeSide struct {
	name, class string
	app         volumeApp
	bare        bool
}

// The sides, by the number of volumes.
var (
	sidesOfOne = []volumeSide{{"bare-1", "ebs", volumeApps[0], true}, {"1", "ebs", volumeApps[0], false}, {"1-large", "ebs", volumeApps[1], false}}
	sidesOf20  = []volumeSide{{"bare-20", "ebs", volumeApps[2], true}, {"20", "ebs", volumeApps[2], false}, {"20-large", "ebs", volumeApps[3], false}}
	// The pending ones come last, and of 20 the bare ones first, which are deleted at once: the csi-snapshotter goes on
	// asking for what is pending, in the turns of what is cut meanwhile.
	pendingSides = []volumeSide{{"1-pending", "pending", volumeApps[0], false}, {"bare-20-pending", "pending", volumeApps[2], true}, {"20-pending", "pending", volumeApps[2], false}}
)

// perRound is how often in a round what has one volume, and takes a fraction of a second, is measured; its median counts.
const perRound = 5

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
	return append(results,
		info("volumes/bare-20-pending", times["bare-20-pending"], "s"),
		info("volumes/pending-to-ready-bare-20", ratios(times["bare-20-pending"], times["bare-20"]), "x"),
		info("volumes/frozen-to-bare-20-pending", ratios(times["20-pending"], times["bare-20-pending"]), "x"))
}

// volumeRound measures every side, in seconds. It ends when the snapshots that were pending are ready, so that nobody asks for
// them while others are measured.
func volumeRound(ctx context.Context, b *bench, c *command, client *rest.RESTClient, config *rest.Config, round int) (map[string]float64, error) {
	var turns []volumeSide
	for i := range perRound {
		one := slices.Clone(sidesOfOne)
		if (round+i)%2 == 1 { // who comes after whom must not tell
			slices.Reverse(one)
		}
		turns = append(turns, one...)
	}
	turns = slices.Concat(turns, sidesOf20, pendingSides)
	times := map[string][]float64{}
	for i, side := range turns {
		took, err := side.held(ctx, b, c, client, config, backupOf(round, i, side))
		if err != nil {
			return nil, err
		}
		times[side.name] = append(times[side.name], took)
	}
	for i, side := range turns {
		if side.class == "pending" && !side.bare {
			if err := c.do(ctx, "backup", "resume", backupOf(round, i, side)); err != nil {
				return nil, err
			}
		}
	}
	medians := map[string]float64{}
	for name, all := range times {
		medians[name] = median(all)
	}
	return medians, nil
}

func backupOf(round, turn int, side volumeSide) string {
	return fmt.Sprintf("volumes-%d-%d-%s", round, turn, side.name)
}

// held returns for how many seconds the application was held.
func (s volumeSide) held(ctx context.Context, b *bench, c *command, client *rest.RESTClient, config *rest.Config, name string) (float64, error) {
	if s.bare {
		took, err := seconds(func() error { return bareCut(ctx, client, config, s.app, s.class) })
		return took, errors.Join(err, removeBareCut(ctx, client, s.app))
	}
	file := filepath.Join(b.dir, name+".yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, volumeBackup, name, s.app.namespace, s.class), 0o600); err != nil {
		return 0, fmt.Errorf("writing a backup: %w", err)
	}
	if err := c.do(ctx, "backup", "create", "-f", file, "--no-wait"); err != nil {
		return 0, err
	}
	phase := salvor.PhaseCompleted
	if s.class == "pending" {
		phase = salvor.PhaseSettling
	}
	return heldFor(ctx, c, name, phase)
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
