package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"salvor.io/salvor/tools/internal/cluster"
	"salvor.io/salvor/tools/internal/node"
)

var localkubeVerbs = map[string]verb{
	"up":      {"start a cluster and print how to reach it", localkubeUp},
	"down":    {"take a cluster down; nothing of it is left", down},
	"run":     {"start a cluster, run a command with KUBECONFIG set, take it down", localkubeRun},
	"list":    {"show the clusters", list},
	"logs":    {"show what the programs of a cluster wrote", logs},
	"compact": {"compact etcd now: lists at older revisions answer 410", localkubeCompact},
	"suspend": {"stop a program of a cluster, such as csi-snapshotter, until resume", suspend},
	"resume":  {"let a suspended program go on", resume},
	"user":    {"make a kubeconfig for a user, for RBAC to judge", localkubeUser},
}

// startLimit is plenty even for a machine that does much else.
const startLimit = 5 * time.Minute

// localkubeFlags are the flags of `up` and `run`.
func (c *call) localkubeFlags(flags *flag.FlagSet) (*startFlags, *cluster.Options) {
	options := &cluster.Options{}
	flags.BoolVar(&options.Node, "node", false, "with a node that runs pods (needs root)")
	flags.BoolVar(&options.Snapshots, "snapshots", false, "with volumes and volume snapshots (implies --node)")
	flags.BoolVar(&options.IAM, "iam", false, "as a cluster of EKS: AWS identities sign in by aws-iam-authenticator")
	flags.StringVar(&options.SnapshotDelay, "snapshot-delay", "0s", "how long a snapshot is pending until it can be used, as on EBS")
	flags.BoolVar(&options.GroupSnapshots, "group-snapshots", false, "with a driver that has group snapshots (implies --snapshots)")
	flags.StringVar(&options.Storage, "storage", "", "directory of volumes and snapshots; clusters that share it share their snapshots, as in one AWS account; it is not removed (default: the cluster's own)")
	flags.Func("apiserver-arg", "`flag` for the API server, as --x=y (repeatable)", func(arg string) error {
		options.APIServerArgs = append(options.APIServerArgs, arg)
		return nil
	})
	flags.BoolVar(&options.ReachPods, "reach-pods", false, "this machine reaches pods by their addresses: webhooks, HTTP probes (implies --node)")
	flags.Func("program", "`TAG=PATH` of an image that is one static program (repeatable, implies --node)", func(arg string) error {
		tag, path, ok := strings.Cut(arg, "=")
		if !ok {
			return errors.New("write TAG=PATH")
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("finding the program: %w", err)
		}
		if options.Programs == nil {
			options.Programs = map[string]string{}
		}
		options.Programs[tag] = abs
		return nil
	})
	flags.Func("image", "`FILE` of images, as docker save writes it (repeatable, implies --node)", func(file string) error {
		abs, err := filepath.Abs(file)
		if err != nil {
			return fmt.Errorf("finding the images: %w", err)
		}
		options.Images = append(options.Images, abs)
		return nil
	})
	start := addStartFlags(flags)
	flags.DurationVar(&start.limit, "timeout", startLimit, "how long it may take to come up")
	return start, options
}

func (c *call) localkubeUp(ctx context.Context, start *startFlags, options *cluster.Options) (json.RawMessage, error) {
	options.Snapshots = options.Snapshots || options.GroupSnapshots
	options.Node = options.Node || options.Snapshots || options.ReachPods || len(options.Programs) > 0 || len(options.Images) > 0
	if _, err := time.ParseDuration(options.SnapshotDelay); err != nil {
		return nil, fmt.Errorf("%w: --snapshot-delay: %w", ErrUsage, err)
	}
	if options.Storage != "" {
		abs, err := filepath.Abs(options.Storage)
		if err != nil {
			return nil, fmt.Errorf("finding --storage: %w", err)
		}
		options.Storage = abs
	}
	if options.Node {
		if err := node.Check(); err != nil {
			return nil, err
		}
	}
	return c.up(ctx, start, options, options.Node)
}

func localkubeUp(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	start, options := c.localkubeFlags(flags)
	if done, err := parseAll(flags, args); done {
		return err
	}
	result, err := c.localkubeUp(ctx, start, options)
	if err != nil {
		return err
	}
	return c.print(result)
}

// runningCluster returns how to reach a cluster that is up.
func (c *call) runningCluster(name string) (cluster.Result, error) {
	state, err := c.running(name)
	if err != nil {
		return cluster.Result{}, err
	}
	var up cluster.Result
	return up, json.Unmarshal(state.Result, &up)
}

func localkubeUser(c *call, _ context.Context, flags *flag.FlagSet, args []string) error {
	name := nameFlag(flags)
	user := flags.String("user", "", "name of the user (needed)")
	var groups []string
	flags.Func("group", "`group` the user is in (repeatable)", func(g string) error {
		groups = append(groups, g)
		return nil
	})
	if done, err := parseAll(flags, args); done {
		return err
	}
	if *user == "" {
		return fmt.Errorf("%w: --user is needed", ErrUsage)
	}
	up, err := c.runningCluster(*name)
	if err != nil {
		return err
	}
	path, err := cluster.User(up, *user, groups, c.io.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.io.Out, path)
	return err
}
