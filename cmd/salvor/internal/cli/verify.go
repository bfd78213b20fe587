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
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			b, err := findBackup(cmd.Context(), h, args[0])
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
			return a.verified(b, v, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
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

func (a *app) verified(b *salvor.Backup, v *repository.Verification, asJSON bool) error {
	if asJSON {
		if err := a.json(v); err != nil {
			return err
		}
	} else if len(v.Problems) == 0 {
		_, err := fmt.Fprintf(a.sys.Stdout, "backup/%s is sound: %s, %s, %s as written; root digest %s\n",
			b.ID(), count(v.Objects, "object"), count(v.Segments, "segment"), size(v.Bytes), v.RootDigest)
		return err
	} else {
		for _, p := range v.Problems {
			fmt.Fprintln(a.sys.Stdout, problemLine(p))
		}
	}
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
