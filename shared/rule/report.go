package rule

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Report is what came of one run of a rule. Output in it is masked, see Mask.
type Report struct {
	StartedAt metav1.MicroTime `json:"startedAt"`
	EndedAt   metav1.MicroTime `json:"endedAt"`
	// SubRules that were begun, in order.
	SubRules []SubRuleReport `json:"subRules,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
}

// SubRuleReport is what came of one sub-rule.
type SubRuleReport struct {
	Name string `json:"name"`
	// Pods that were chosen, as namespace/name.
	Pods []string `json:"pods,omitempty"`
	// Actions that were begun, in order.
	Actions []ActionReport `json:"actions,omitempty"`
	// StartedAt is when its pods were chosen, Duration the time until its last action had ended, or was ready in the background.
	StartedAt metav1.MicroTime `json:"startedAt,omitzero"`
	Duration  metav1.Duration  `json:"duration,omitzero"`
	// Error says why pods could not be chosen.
	Error string `json:"error,omitempty"`
}

// ActionReport is what came of one action.
type ActionReport struct {
	Name string      `json:"name"`
	Pods []PodResult `json:"pods,omitempty"`
	// StartedAt and Duration are those of all pods together; what they exceed those of the pods by is Salvor's own time.
	StartedAt metav1.MicroTime `json:"startedAt,omitzero"`
	Duration  metav1.Duration  `json:"duration,omitzero"`
}

// PodResult is what came of one action in one pod.
type PodResult struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	UID       string `json:"uid"`
	Container string `json:"container"`
	// ExitCode is missing when the command didn't begin, or when its end is not known.
	ExitCode *int `json:"exitCode,omitempty"`
	// Stdout and Stderr are the ends of the output, at most TailBytes each.
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
	// StdoutBytes and StderrBytes count all of the output.
	StdoutBytes int64            `json:"stdoutBytes,omitempty"`
	StderrBytes int64            `json:"stderrBytes,omitempty"`
	StartedAt   metav1.MicroTime `json:"startedAt,omitzero"`
	Duration    metav1.Duration  `json:"duration,omitzero"`
	// ReadyAfter is when a background command was ready; Duration is then the time until it had ended.
	ReadyAfter metav1.Duration `json:"readyAfter,omitzero"`
	// Attempts is how often the command was run, if more than once; the rest is of the last time.
	Attempts int `json:"attempts,omitempty"`
	// Error says what failed; empty: the command ended with code 0.
	Error string `json:"error,omitempty"`
}

// failed are the namespaces of pods in which an action failed, or was not run.
func (r *Report) failed() []string {
	var namespaces []string
	for _, s := range r.SubRules {
		for _, a := range s.Actions {
			for _, p := range a.Pods {
				if p.Error != "" && !slices.Contains(namespaces, p.Namespace) {
					namespaces = append(namespaces, p.Namespace)
				}
			}
		}
	}
	return namespaces
}

// Began reports whether any command was sent to a pod: from then on something may be frozen.
func (r *Report) Began() bool {
	for _, s := range r.SubRules {
		for _, a := range s.Actions {
			for _, p := range a.Pods {
				if !p.StartedAt.IsZero() {
					return true
				}
			}
		}
	}
	return false
}
