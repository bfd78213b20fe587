package home

import (
	"context"
	"fmt"
	"io"

	"salvor.io/salvor/shared/salvor"
)

// Outcomes writes the report of a restore: the outcome of every object, one JSON object a line.
func (h *Home) Outcomes(ctx context.Context, r *salvor.Restore, w io.Writer) error {
	if r.Status.Report == "" || len(r.Status.Sources) == 0 {
		return salvor.Errorf(salvor.NotFound, "restore %q has no report: it is %s", r.Name, r.Status.Phase)
	}
	// The report lies beside the newest source; its key names the target.
	repo, err := h.Repository(ctx, r.Status.Sources[0].Location, r.Spec.SourceCluster)
	if err != nil {
		return err
	}
	report, err := repo.RestoreReport(ctx, r.Status.Report)
	if err != nil {
		return err
	}
	defer report.Close()
	if _, err := io.Copy(w, report); err != nil {
		return fmt.Errorf("reading the report of restore %q: %w", r.Name, err)
	}
	return nil
}
