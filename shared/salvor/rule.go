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
	// Stdin is text for the command's standard input, up to 32 KiB; a line break is added if it doesn't end with one. A background command's input stays open behind it and ends when the command is to end.
	Stdin string `json:"stdin,omitempty" jsonschema:"maxLength=32768"`
	// Env sets variables of the command. For a Command the container needs the program env.
	Env []EnvVar `json:"env,omitempty"`
	// Container to run in. Default: the pod's kubectl.kubernetes.io/default-container annotation, then its only container.
	Container string `json:"container,omitempty"`
	// Timeout of the command in each pod, more than 0; of a background command, until it is ready. Default 60s.
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// Retries is how often a command that failed is run again, 20 at most, after pauses of 1s, 2s, 4s and so on up to 30s; a command that timed out may still go on then.
	Retries int `json:"retries,omitempty" jsonschema:"minimum=0,maximum=20"`
	// OnError says what a failure does. Default: Fail.
	OnError OnError `json:"onError,omitempty"`
	// RunInSinglePod runs in one of the chosen pods only: the first by namespace and name, unless SinglePod says otherwise.
	RunInSinglePod bool `json:"runInSinglePod,omitempty"`
	// SinglePod says which pod RunInSinglePod means.
	SinglePod *SinglePod `json:"singlePod,omitempty"`
	// Background keeps the command up until the cut is made, as a lock that lasts as long as its session needs it. Only before the cut.
	Background *Background `json:"background,omitempty"`
}

// EnvVar is a variable of a command's environment.
type EnvVar struct {
	// Name of the variable: letters, digits and _, not beginning with a digit.
	Name string `json:"name" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$"`
	// Value is stored as it is written: take credentials from the container's own environment instead.
	Value string `json:"value,omitempty"`
}

// SinglePod chooses one pod of those that a sub-rule chooses: what is set narrows the choice, in this order.
type SinglePod struct {
	// Selector keeps the pods with these labels, such as role: primary.
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// Leader keeps the pods in which this command ends with code 0. That there is none fails the action.
	Leader *Probe `json:"leader,omitempty"`
	// Order says which of several is taken, by namespace and name, in which numbers count as such: db-10 comes after db-9. Default: First.
	Order PodOrder `json:"order,omitempty"`
}

// PodOrder says which end of a list of pods is taken.
type PodOrder string

// The choices of PodOrder.
const (
	// PodOrderFirst takes the first pod by namespace and name.
	PodOrderFirst PodOrder = "First"
	// PodOrderLast takes the last one.
	PodOrderLast PodOrder = "Last"
)

// Probe is a command that answers a question by its exit code: exactly one of Shell and Command.
type Probe struct {
	// Shell is a line for /bin/sh -c.
	Shell string `json:"shell,omitempty" jsonschema:"oneof_required=shell"`
	// Command is an argv, run as it is.
	Command []string `json:"command,omitempty" jsonschema:"oneof_required=command,minItems=1"`
}

// Background says how a command that stays up tells that it has done what it is for: by ReadyLine, by the probe of ready, or by running ${WAIT_CMD} out of its shell line. The container needs /bin/sh and sleep.
type Background struct {
	// ReadyLine is a text; the first line of standard output that holds it means that the command is ready.
	ReadyLine string `json:"readyLine,omitempty"`
	// Ready is run beside the command, twice a second, until it ends with code 0.
	Ready *Probe `json:"ready,omitempty"`
	// Lifetime after which the command ends by itself, also if nobody is there to end it. Default: the backup's maxFreeze and 30s.
	Lifetime metav1.Duration `json:"lifetime,omitzero"`
}

// WaitCommand stands in the shell line of a background action for a program that says that the line is ready and returns when it is to end, as in rules of Stork.
const WaitCommand = "${WAIT_CMD}"
