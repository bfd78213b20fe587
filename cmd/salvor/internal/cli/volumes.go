package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// volumeReport is what is known of the volumes of a backup.
type volumeReport struct {
	Backup          string                 `json:"backup"`
	Phase           salvor.Phase           `json:"phase"`
	DataConsistency salvor.DataConsistency `json:"dataConsistency,omitempty"`
	Counts          salvor.VolumeCounts    `json:"counts"`
	Volumes         []archive.Volume       `json:"volumes"`
}

func (a *app) volumes() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "volumes BACKUP",
		Short: "Show the volumes of a backup, and the snapshots that hold their data",
		Long: `Show each volume of a backup: its claim, its driver, the snapshot that holds its data, how far that is, how large the
volume is, and when it was cut. BACKUP is a name, or cluster/name.

It reads the backup's manifest and what became known later, at the location.`,
		Example:           "  salvor volumes before-upgrade\n  salvor volumes before-upgrade -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
	}
	out := addOutput(cmd)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, b, err := a.openBackup(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		report, err := volumesOf(cmd.Context(), h, b)
		if err != nil {
			return err
		}
		return a.printVolumes(report, *out)
	})
	cmd.AddCommand(a.volumesOrphans())
	return cmd
}

// volumesOf reads the volumes as they are by now.
func volumesOf(ctx context.Context, h *home.Home, b *salvor.Backup) (*volumeReport, error) {
	if b.Status.RootDigest == "" {
		return nil, salvor.Errorf(salvor.NotFound, "backup %s is %s and has no manifest that names volumes", b.ID(), b.Status.Phase)
	}
	repo, err := h.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
	if err != nil {
		return nil, err
	}
	m, err := repo.RecordedManifest(ctx, b.Name, b.Status.RootDigest)
	if err != nil {
		return nil, err
	}
	events, err := repo.Events(ctx, b.Name)
	if err != nil {
		return nil, err
	}
	state := archive.Fold(m, events)
	return &volumeReport{Backup: b.ID().String(), Phase: state.Phase, DataConsistency: state.DataConsistency,
		Counts: archive.Count(state.Volumes), Volumes: append([]archive.Volume{}, state.Volumes...)}, nil
}

func (a *app) printVolumes(r *volumeReport, out output) error {
	switch out {
	case outJSON, outYAML:
		return a.value(out, r)
	case outName:
		for _, v := range r.Volumes {
			if _, err := fmt.Fprintln(a.sys.Stdout, v.Namespace+"/"+v.Claim); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{head: []string{"NAMESPACE", "CLAIM", "DRIVER", "SNAPSHOT", "STATE", "SIZE", "CUT", "REASON"}, colours: a.sys.colours(a.sys.Stdout)}
	if out == outWide {
		t.head = append(t.head[:7], "CLASS", "VOLUME", "INSIDE", "REASON")
	}
	for i := range r.Volumes {
		t.rows = append(t.rows, a.volumeRow(&r.Volumes[i], out == outWide))
	}
	if err := t.write(a.sys.Stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.sys.Stdout, "\n%s, %s\n", count(len(r.Volumes), "volume"), consistencyText(r.DataConsistency))
	return err
}

func (a *app) volumeRow(v *archive.Volume, wide bool) []cell {
	handle, class, cut, inside := "-", "-", "-", "-"
	if s := v.Snapshot; s != nil {
		handle, class, cut, inside = dash(s.Handle), dash(s.Class), a.time(s.CutAt.Time), yesNo(s.Inside)
	}
	row := append(plain(v.Namespace, v.Claim, dash(v.Driver), handle), cell{string(v.State), stateColour(v.State)})
	row = append(row, plain(capacity(v.Capacity), cut)...)
	if wide {
		row = append(row, plain(class, dash(cmp.Or(v.VolumeHandle, v.PersistentVolume)), inside)...)
	}
	return append(row, plain(dash(oneLine(v.Reason)))...)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func stateColour(s archive.VolumeState) string {
	switch s {
	case archive.VolumeReady:
		return green
	case archive.VolumeFailed:
		return red
	}
	return yellow
}

// consistencyText says what the data of a backup is worth.
func consistencyText(c salvor.DataConsistency) string {
	switch c {
	case salvor.ApplicationConsistent:
		return "application-consistent: rules ran, and every volume was cut while they held the application"
	case salvor.CrashConsistent:
		return "crash-consistent: volumes were cut while the application wrote; it starts as after a power cut"
	}
	return "objects only: there is no data of volumes in the backup"
}

// addData adds what the data of a backup is worth and how far its snapshots are.
func addData(f *facts, s salvor.BackupStatus) {
	if s.DataConsistency == "" { // of a version that knew no volumes
		return
	}
	f.add("data", "%s", consistencyText(s.DataConsistency))
	if c := s.Volumes; c.Total > 0 {
		f.add("volumes", "%d: %d with a snapshot (%s), %d of them ready, %d skipped, %d failed", c.Total, c.Cut, capacity(c.Bytes), c.Ready, c.Skipped, c.Failed)
	}
}

// plannedLines say what would become of each volume.
func plannedLines(volumes []archive.Volume) []string {
	var lines []string
	for _, v := range volumes {
		line := fmt.Sprintf("%s/%s (%s, %s): ", v.Namespace, v.Claim, dash(v.Driver), capacity(v.Capacity))
		switch {
		case v.State == "":
			line += "a snapshot of class " + v.Snapshot.Class
		case v.State == archive.VolumeSkipped:
			line += "skipped: " + v.Reason
		default:
			line += "its data would be missing: " + v.Reason
		}
		lines = append(lines, line)
	}
	return lines
}
