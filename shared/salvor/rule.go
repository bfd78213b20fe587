package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Rule is what to run inside pods to make an application consistent (pre-exec) or to let it go on (post-exec).
type Rule struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       RuleSpec `json:"spec"`
}

// RuleSpec is an ordered list of sub-rules; each begins when the one before has ended.
type RuleSpec struct {
	// SubRules run in this order; at least one.
	SubRules []SubRule `json:"subRules" jsonschema:"minItems=1"`
}

// SubRule runs its actions, in order, in the running pods that any of its selectors chooses.
type SubRule struct {
	// Name is for reports; default: its position, from 1.
	Name string `json:"name,omitempty"`
	// PodSelectors choose pods in the namespaces of the backup; a pod is chosen if any of them selects it, and {} selects every pod.
	PodSelectors []metav1.LabelSelector `json:"podSelectors" jsonschema:"minItems=1"`
	// OnNoPods says what happens when no running pod is chosen. Default: Warn.
	OnNoPods OnNoPods `json:"onNoPods,omitempty"`
	// Actions run one after the other; the pods of one action in parallel.
	Actions []Action `json:"actions" jsonschema:"minItems=1"`
}

// OnNoPods says what happens when a sub-rule chooses no running pod.
type OnNoPods string

// The choices of OnNoPods.
const (
	// OnNoPodsWarn goes on and says so in the report.
	OnNoPodsWarn OnNoPods = "Warn"
	// OnNoPodsFail fails the rule.
	OnNoPodsFail OnNoPods = "Fail"
)

// OnError says what a failed action does to the rule.
type OnError string

// The choices of OnError.
const (
	// OnErrorFail stops the rule; a pre-exec rule that fails fails the backup.
	OnErrorFail OnError = "Fail"
	// OnErrorContinue records the failure and goes on.
	OnErrorContinue OnError = "Continue"
)

// Action is one command: exactly one of Shell and Command.
type Action struct {
	// Name is for reports; default: its position, from 1.
	Name string `json:"name,omitempty"`
	// Shell is a line for /bin/sh -c.
	Shell string `json:"shell,omitempty" jsonschema:"oneof_required=shell"`
	// Command is an argv, run as it is.
	Command []string `json:"command,omitempty" jsonschema:"oneof_required=command,minItems=1"`
	// Container to run in. Default: the pod's kubectl.kubernetes.io/default-container annotation, then its only container.
	Container string `json:"container,omitempty"`
	// Timeout of the command in each pod, more than 0. Default 60s.
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// OnError says what a failure does. Default: Fail.
	OnError OnError `json:"onError,omitempty"`
	// RunInSinglePod runs in the first chosen pod by namespace and name only.
	RunInSinglePod bool `json:"runInSinglePod,omitempty"`
}
