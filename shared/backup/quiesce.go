package backup

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// The phases a rule runs in, as reports name them.
const (
	preExec  = "pre-exec"
	postExec = "post-exec"
)

// cutQuiesced runs the pre-exec rule, notes the capture revision and runs the post-exec rule, whatever went wrong before.
func (r *run) cutQuiesced(ctx context.Context) (revision string, err error) {
	pre, err := r.rule(ctx, r.spec.PreExecRule)
	if err != nil {
		return "", missing(err, "spec.preExecRule", "rule", r.spec.PreExecRule)
	}
	post, err := r.rule(ctx, r.spec.PostExecRule)
	if err != nil {
		return "", missing(err, "spec.postExecRule", "rule", r.spec.PostExecRule)
	}
	r.step(StepPreExec)
	began := r.Now()
	if err := r.oweThaw(ctx, pre, post); err != nil {
		return "", err
	}
	r.quiesced = len(pre.SubRules)+len(post.SubRules) > 0
	if err = r.runRule(ctx, pre, r.namespaces, preExec); err == nil {
		r.step(StepCut)
		revision, err = r.cut(ctx)
	}
	r.step(StepPostExec)
	thawErr := r.thaw(ctx, post, r.namespaces)
	if len(pre.SubRules) > 0 {
		r.frozen, r.thawed = r.Now().Sub(began), thawErr == nil && len(post.SubRules) > 0
	}
	return revision, errors.Join(err, thawErr)
}

// oweThaw writes down, before the first action, what has to run to let the application go on.
func (r *run) oweThaw(ctx context.Context, pre, post salvor.RuleSpec) error {
	return r.record.update(ctx, func(s *salvor.BackupStatus) {
		if len(pre.SubRules) > 0 {
			s.Phase = salvor.PhaseQuiescing
		}
		if len(post.SubRules) > 0 {
			s.Thaw = &salvor.OwedThaw{Rule: post, Namespaces: r.namespaces, Since: metav1.NewTime(r.Now())}
		}
	})
}

func (r *run) runRule(ctx context.Context, spec salvor.RuleSpec, namespaces []string, phase string) error {
	if len(spec.SubRules) == 0 {
		return nil
	}
	out, err := r.site.Rules.Run(ctx, spec, namespaces, phase)
	r.report.rule(phase, out)
	for _, w := range out.Warnings {
		r.manifest.Warnings = append(r.manifest.Warnings, phase+" rule: "+w)
	}
	if err != nil {
		return fmt.Errorf("%s rule: %w", phase, err)
	}
	return nil
}

// cut returns the capture revision: that of one consistent list. Any list will do, for a resourceVersion is an etcd
// revision; namespaces are few, and where the role may not list them another kind serves.
func (r *run) cut(ctx context.Context) (string, error) {
	revision, err := r.newestRevision(ctx)
	if err != nil {
		return "", fmt.Errorf("noting the capture revision: %w", err)
	}
	cutAt := metav1.NewMicroTime(r.Now())
	r.manifest.Revision, r.manifest.CutAt = revision, cutAt
	return revision, r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.CutAt, s.Revision, s.Namespaces = cutAt, revision, r.namespaces
	})
}

func (r *run) newestRevision(ctx context.Context) (string, error) {
	ask := func(res cluster.Resource, namespace string) (string, error) {
		var result cluster.ListResult
		err := r.retry(ctx, func() (err error) {
			req := cluster.ListRequest{Resource: res, Namespace: namespace, Limit: 1}
			result, err = r.site.Cluster.List(ctx, req, func(cluster.Item) error { return nil })
			return err
		})
		return result.Revision, err
	}
	revision, err := ask(namespaceKind, "")
	if !apierrors.IsForbidden(err) {
		return revision, err
	}
	for _, res := range r.kinds {
		if !res.Namespaced || len(r.namespaces) == 0 {
			continue
		}
		if revision, kindErr := ask(res, r.namespaces[0]); kindErr == nil {
			return revision, nil
		}
	}
	return "", err
}
