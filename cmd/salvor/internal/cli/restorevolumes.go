package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// volumeFlags are those of RestoreVolumes.
type volumeFlags struct {
	mode    string
	classes map[string]string
	inPlace bool
	timeout time.Duration
}

func (f *volumeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.mode, "volumes", "", "data of claims: snapshots (made of the backup's snapshots) or empty (default snapshots)")
	flags.StringToStringVar(&f.classes, "storage-class-mapping", nil, "rename a StorageClass, old=new; may be repeated")
	flags.BoolVar(&f.inPlace, "in-place", false, "replace the data of claims that exist: what uses them is scaled down meanwhile")
	flags.DurationVar(&f.timeout, "volume-timeout", 0, "how long a volume may take until it is made (default 30m)")
	_ = cmd.RegisterFlagCompletionFunc("volumes", cobra.FixedCompletions([]string{"snapshots", "empty"}, cobra.ShellCompDirectiveNoFileComp))
}

// spec is what the flags say; nil: nothing.
func (f *volumeFlags) spec() (*salvor.RestoreVolumes, error) {
	v := &salvor.RestoreVolumes{StorageClassMapping: f.classes, InPlace: f.inPlace}
	switch strings.ToLower(f.mode) {
	case "":
	case "snapshots":
		v.Mode = salvor.RestoreVolumeSnapshots
	case "empty":
		v.Mode = salvor.RestoreVolumeEmpty
	default:
		return nil, salvor.Errorf(salvor.Invalid, "--volumes: %q is not one of snapshots and empty", f.mode)
	}
	v.Timeout.Duration = f.timeout
	if v.Mode == "" && len(v.StorageClassMapping) == 0 && !v.InPlace && v.Timeout.Duration == 0 {
		return nil, nil
	}
	return v, nil
}

// checkTarget asks the target whether the plan's volumes can be made there. That it can't be asked is a warning: whoever does
// the restore may be able to.
func (a *app) checkTarget(ctx context.Context, h *home.Home, plan *restore.Plan) error {
	if len(plan.Volumes) == 0 {
		return nil
	}
	err := h.Restores().CheckTarget(ctx, plan)
	if err != nil && !salvor.Is(err, salvor.Invalid) {
		a.warn("warning: whether the volumes can be made in cluster %s could not be asked: %v", plan.Spec.TargetCluster, err)
		return nil
	}
	return err
}

// printVolumePlan prints what becomes of the data of each claim.
func (a *app) printVolumePlan(volumes []*restore.Volume) error {
	if len(volumes) == 0 {
		return nil
	}
	fmt.Fprintln(a.sys.Stdout)
	t := table{head: []string{"CLAIM", "FROM SNAPSHOT", "CUT", "SIZE", "STORAGECLASS", "NOTE"}}
	for _, v := range volumes {
		if v.Snapshot == nil {
			t.rows = append(t.rows, plain(v.String(), "-", "-", "-", dash(v.StorageClass), "without data: "+v.Reason))
			continue
		}
		note := ""
		if v.Waits {
			note = "made when a pod uses it"
		}
		t.rows = append(t.rows, plain(v.String(), v.Snapshot.Handle, a.time(v.Snapshot.CutAt.Time), humanize.IBytes(uint64(max(v.Bytes, 0))), dash(v.StorageClass), note))
	}
	return t.write(a.sys.Stdout)
}

// plannedVolumes sums up what is to become of the data of claims.
func plannedVolumes(volumes []*restore.Volume) string {
	var c salvor.RestoreVolumeCounts
	for _, v := range volumes {
		if v.Snapshot == nil {
			c.Empty++
			continue
		}
		c.Restored++
		c.Bytes += v.Bytes
	}
	return volumeLine(c)
}

// volumeLine sums up what became of the data of claims; empty: there was none.
func volumeLine(c salvor.RestoreVolumeCounts) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if c.Restored > 0 {
		parts = append(parts, fmt.Sprintf("%d made of snapshots (%s)", c.Restored, humanize.IBytes(uint64(max(c.Bytes, 0)))))
	}
	add(c.Waiting, "to be made when a pod uses them")
	add(c.Kept, "there already, with the data they have")
	add(c.Empty, "without data")
	add(c.Failed, "failed")
	return strings.Join(parts, ", ")
}

func (a *app) clusterCleanUp() *cobra.Command {
	return &cobra.Command{
		Use:   "clean-up NAME",
		Short: "Remove from a cluster what restores made volumes with and nothing waits for any more",
		Long: `Remove from a cluster what restores made volumes with and nothing waits for any more: VolumeSnapshots and their contents, of
this catalog alone. The snapshots themselves belong to their backups and stay.

A restore removes its own when the volumes are made. What is left is of claims that no pod used at that time, and of restores
that ended early.`,
		Example:           "  salvor cluster clean-up prod",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindCluster),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			if h.Remote != nil {
				return salvor.Errorf(salvor.Invalid, "this cleans up from here, and doesn't go with --api").WithHint("the next restore into the cluster does it, too")
			}
			removed, needed, err := h.Restores().CleanUp(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.sys.Stdout, "cluster/%s: %d removed, %d still needed\n", args[0], removed, needed)
			return err
		}),
	}
}
