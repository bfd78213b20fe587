package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// What Velero's annotations of pods are called, and what they mean when nothing is said
// (https://velero.io/docs/main/backup-hooks/).
const (
	hookSuffix  = ".hook.backup.velero.io/"
	hookTimeout = 30 * time.Second
)

// hookNames are the sub-rules that reports show hooks under.
var hookNames = map[string]string{PreExec: "velero pre hooks", PostExec: "velero post hooks"}

// hooks runs what the annotations of the pods ask for in this phase, each pod's at once with the others.
func (r *run) hooks(ctx context.Context) error {
	if len(r.req.Hooks) == 0 {
		return nil
	}
	name, began := hookNames[r.phase], r.now()
	targets, actions, err := r.hooked(ctx, name)
	report := SubRuleReport{Name: name, StartedAt: began}
	for _, t := range targets {
		report.Pods = append(report.Pods, t.key())
	}
	if len(targets) > 0 || err != nil {
		clear(r.failed)
		r.report.SubRules = append(r.report.SubRules, report)
	}
	if err != nil {
		r.report.SubRules[len(r.report.SubRules)-1].Error = Mask(err.Error())
		if r.phase == PreExec {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(targets) == 0 {
		return err
	}
	results, errs := r.inAll(ctx, targets, func(i int) salvor.Action { return actions[i] })
	last := &r.report.SubRules[len(r.report.SubRules)-1]
	last.Duration = r.since(began)
	last.Actions = append(last.Actions, ActionReport{Name: "hook", Pods: results, StartedAt: began, Duration: last.Duration})
	for i, err := range errs {
		if err == nil {
			continue
		}
		errs[i] = fmt.Errorf("%s: %w", name, err)
		if results != nil && actions[i].OnError == salvor.OnErrorContinue && ctx.Err() == nil {
			r.warn(errs[i].Error())
			errs[i] = nil
		}
	}
	return join([]error{err, first(errs)})
}

// hooked finds the pods with hooks, and what these are. The error names those whose annotations can't be read.
func (r *run) hooked(ctx context.Context, name string) (targets []Target, actions []salvor.Action, err error) {
	pods, err := r.pods(ctx, salvor.SubRule{PodSelectors: r.req.Hooks}, r.req.Namespaces)
	if err != nil {
		return nil, nil, fmt.Errorf("choosing pods: %w", ended(ctx, ctx, err))
	}
	var errs []error
	for _, p := range pods {
		if r.spares(p.ref()) {
			continue
		}
		a, there, err := hookOf(p.Metadata.Annotations, r.phase)
		if !there {
			continue
		}
		container := a.Container
		if err == nil {
			container, err = p.hookContainer(a.Container)
		}
		if err != nil {
			errs = append(errs, salvor.Errorf(salvor.Invalid, "pod %s: %w", p.key(), err))
			continue
		}
		if why := p.why(container); why != "" && !r.owes(p.ref()) {
			r.warn(fmt.Sprintf("%s: pod %s is left out: its container %s is not running (%s)", name, p.key(), container, why))
			continue
		}
		targets = append(targets, Target{Namespace: p.Metadata.Namespace, Pod: p.Metadata.Name, UID: p.Metadata.UID, Container: container})
		actions = append(actions, a)
	}
	return targets, actions, first(errs)
}

// hookContainer is the container that a hook means: the first one, when none is named.
func (p *pod) hookContainer(asked string) (string, error) {
	if asked == "" && len(p.Spec.Containers) > 0 {
		return p.Spec.Containers[0].Name, nil
	}
	return p.container(asked)
}

// hookOf reads the annotations of a pod for one phase.
func hookOf(annotations map[string]string, phase string) (a salvor.Action, there bool, err error) {
	prefix := "pre" + hookSuffix
	if phase == PostExec {
		prefix = "post" + hookSuffix
	}
	command, there := annotations[prefix+"command"]
	if !there || command == "" {
		return a, false, nil
	}
	a = salvor.Action{Name: "hook", Container: annotations[prefix+"container"], Timeout: metav1.Duration{Duration: hookTimeout}, OnError: salvor.OnErrorFail}
	a.Command = []string{command}
	if strings.HasPrefix(command, "[") {
		if err := json.Unmarshal([]byte(command), &a.Command); err != nil || len(a.Command) == 0 {
			return a, true, fmt.Errorf("its annotation %scommand is neither a program nor a JSON list of strings", prefix)
		}
	}
	switch onError := annotations[prefix+"on-error"]; onError {
	case "", "Fail":
	case "Continue":
		a.OnError = salvor.OnErrorContinue
	default:
		return a, true, fmt.Errorf("its annotation %son-error is %q; it may be Fail or Continue", prefix, onError)
	}
	if s := annotations[prefix+"timeout"]; s != "" {
		if a.Timeout.Duration, err = time.ParseDuration(s); err != nil || a.Timeout.Duration <= 0 {
			return a, true, fmt.Errorf("its annotation %stimeout is %q; write it as 30s or 2m", prefix, s)
		}
	}
	return a, true, nil
}
