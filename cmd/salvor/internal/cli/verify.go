package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) verify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify BACKUP",
		Short: "Read every byte of a backup and check it against its digests",
		Long: `Read every byte of a backup and check it: the manifest against the root digest in the catalog, each segment against
the digest in the manifest. BACKUP is a name, or cluster/name.

A segment that is found damaged is marked at the location: the next backup that holds it stores it once more, and then the
backups before it are whole again.`,
		Example:           "  salvor verify before-upgrade\n  salvor verify prod/before-upgrade -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
	}
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, as -o json")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		if asJSON {
			*out = outJSON
		}
		h, b, err := a.openBackup(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if b.Status.RootDigest == "" {
			return salvor.Errorf(salvor.NotFound, "backup %s is %s and has no manifest to verify", b.ID(), b.Status.Phase)
		}
		repo, err := h.Repository(cmd.Context(), b.Spec.Location, b.Status.ClusterID)
		if err != nil {
			return err
		}
		p := a.progress("verifying")
		v, err := repo.Verify(cmd.Context(), b.Name, b.Status.RootDigest, func(done, of int) {
			p.show(int64(done), int64(of), fmt.Sprintf("%d of %s", done, count(of, "segment")))
		})
		p.end()
		if err != nil {
			return err
		}
		a.markDamaged(cmd.Context(), repo, v, h.ID)
		if err := a.printVerified(b, v, *out); err != nil {
			return err
		}
		return damageOf(b, v)
	})
	return cmd
}

// markDamaged lets later backups know what can't be relied on. Without the right to write, what was found is only told.
func (a *app) markDamaged(ctx context.Context, repo *repository.Repository, v *repository.Verification, catalog string) {
	for _, p := range v.Problems {
		if p.Part != "segment" {
			continue
		}
		if err := repo.MarkDamaged(ctx, p.Digest, p.Reason, catalog); err != nil {
			a.warn("warning: the damage could not be marked, so that a later backup may rely on what is damaged: %v", err)
			return
		}
	}
}

func (a *app) printVerified(b *salvor.Backup, v *repository.Verification, out output) (err error) {
	switch {
	case out == outName:
		_, err = fmt.Fprintln(a.sys.Stdout, reference(b))
	case !out.table():
		err = a.value(out, v)
	case len(v.Problems) == 0:
		_, err = fmt.Fprintf(a.sys.Stdout, "backup/%s is sound: %s, %s, %s as written; root digest %s\n",
			b.ID(), count(v.Objects, "object"), count(v.Segments, "segment"), size(v.Bytes), v.RootDigest)
	default:
		for _, p := range v.Problems {
			fmt.Fprintln(a.sys.Stdout, problemLine(p))
		}
	}
	return err
}

// damageOf is the error of a backup that is damaged.
func damageOf(b *salvor.Backup, v *repository.Verification) error {
	if len(v.Problems) == 0 {
		return nil
	}
	return salvor.Errorf(salvor.Corrupt, "backup %s is damaged: %s; %s, %s found as written", b.ID(),
		count(len(v.Problems), "problem"), count(v.Segments, "segment"), count(v.Objects, "object")).
		WithHint("a restore applies nothing of a damaged segment")
}

func problemLine(p repository.Problem) string {
	s := p.Part
	for _, part := range []string{p.Kind, p.Namespace} {
		if part != "" {
			s += " " + part
		}
	}
	if p.Objects > 0 {
		s += " (" + count(p.Objects, "object") + ")"
	}
	return s + ": " + p.Reason
}
