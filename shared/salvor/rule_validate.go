package salvor

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// DefaultActionTimeout ends an action that does not say how long it may take.
const DefaultActionTimeout = 60 * time.Second

// MaxLifetime bounds what a background command may hold.
const MaxLifetime = 24 * time.Hour

// maxRuleName keeps reports readable.
const maxRuleName = 63

const maxReadyLine = 256

// Default fills in names, timeouts and what to do on errors.
func (r *Rule) Default() {
	r.set(KindRule)
	for i := range r.Spec.SubRules {
		s := &r.Spec.SubRules[i]
		setDefault(&s.Name, strconv.Itoa(i+1))
		setDefault(&s.OnNoPods, OnNoPodsWarn)
		for j := range s.Actions {
			a := &s.Actions[j]
			setDefault(&a.Name, strconv.Itoa(j+1))
			setDefault(&a.Timeout, metav1.Duration{Duration: DefaultActionTimeout})
			setDefault(&a.OnError, OnErrorFail)
			if a.SinglePod != nil {
				setDefault(&a.SinglePod.Order, PodOrderFirst)
			}
		}
	}
}

// Validate reports every mistake at once.
func (r *Rule) Validate() field.ErrorList {
	errs := validateHead(&r.TypeMeta, KindRule, &r.ObjectMeta, "")
	p := field.NewPath("spec", "subRules")
	if len(r.Spec.SubRules) == 0 {
		errs = append(errs, field.Required(p, "at least one"))
	}
	seen := map[string]bool{}
	for i := range r.Spec.SubRules {
		s := &r.Spec.SubRules[i]
		errs = append(errs, reportName(p.Index(i).Child("name"), s.Name, seen)...)
		errs = append(errs, s.validate(p.Index(i))...)
	}
	return errs
}

func (s *SubRule) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(s.PodSelectors) == 0 {
		errs = append(errs, field.Required(p.Child("podSelectors"), "at least one; {} chooses every pod"))
	}
	for i := range s.PodSelectors {
		errs = append(errs, validateSelector(p.Child("podSelectors").Index(i), &s.PodSelectors[i])...)
	}
	errs = append(errs, oneOf(p.Child("onNoPods"), s.OnNoPods, OnNoPodsWarn, OnNoPodsFail)...)
	if len(s.Actions) == 0 {
		errs = append(errs, field.Required(p.Child("actions"), "at least one"))
	}
	seen := map[string]bool{}
	for i := range s.Actions {
		a, p := &s.Actions[i], p.Child("actions").Index(i)
		errs = append(errs, reportName(p.Child("name"), a.Name, seen)...)
		errs = append(errs, a.validate(p)...)
	}
	return errs
}

func (a *Action) validate(p *field.Path) field.ErrorList {
	errs := exactlyOne(p, []string{"shell", "command"}, a.Shell != "", a.Command != nil)
	if a.Command != nil && (len(a.Command) == 0 || a.Command[0] == "") {
		errs = append(errs, field.Required(p.Child("command"), "the program to run comes first"))
	}
	if a.Container != "" {
		errs = append(errs, invalid(p.Child("container"), a.Container, validation.IsDNS1123Label(a.Container))...)
	}
	errs = append(errs, positive(p.Child("timeout"), a.Timeout)...)
	errs = append(errs, oneOf(p.Child("onError"), a.OnError, OnErrorFail, OnErrorContinue)...)
	errs = append(errs, a.validateInput(p)...)
	if a.Retries < 0 || a.Retries > maxRetries {
		errs = append(errs, field.Invalid(p.Child("retries"), a.Retries, "must be between 0 and 20"))
	}
	if a.SinglePod != nil && !a.RunInSinglePod {
		errs = append(errs, field.Forbidden(p.Child("singlePod"), "goes with runInSinglePod: true"))
	}
	errs = append(errs, a.SinglePod.validate(p.Child("singlePod"))...)
	return append(errs, a.validateBackground(p)...)
}

// The most that an action may ask for.
const (
	maxRetries = 20
	maxStdin   = 32 << 10 // what a pipe takes while nobody reads
)

func (a *Action) validateInput(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(a.Stdin) > maxStdin {
		errs = append(errs, field.TooLong(p.Child("stdin"), "", maxStdin))
	}
	if strings.Contains(a.Stdin, "\x00") {
		errs = append(errs, field.Invalid(p.Child("stdin"), "", "must not hold a NUL character"))
	}
	seen := map[string]bool{}
	for i, e := range a.Env {
		p := p.Child("env").Index(i).Child("name")
		switch {
		case !envName.MatchString(e.Name):
			errs = append(errs, field.Invalid(p, e.Name, "must be letters, digits and _, and not begin with a digit"))
		case seen[e.Name]:
			errs = append(errs, field.Duplicate(p, e.Name))
		}
		seen[e.Name] = true
	}
	return errs
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (s *SinglePod) validate(p *field.Path) field.ErrorList {
	if s == nil {
		return nil
	}
	errs := validateSelector(p.Child("selector"), s.Selector)
	errs = append(errs, s.Leader.validate(p.Child("leader"))...)
	return append(errs, oneOf(p.Child("order"), s.Order, PodOrderFirst, PodOrderLast)...)
}

func (b *Probe) validate(p *field.Path) field.ErrorList {
	if b == nil {
		return nil
	}
	errs := exactlyOne(p, []string{"shell", "command"}, b.Shell != "", b.Command != nil)
	if b.Command != nil && (len(b.Command) == 0 || b.Command[0] == "") {
		errs = append(errs, field.Required(p.Child("command"), "the program to run comes first"))
	}
	return errs
}

func (a *Action) validateBackground(p *field.Path) field.ErrorList {
	b := a.Background
	if b == nil {
		if strings.Contains(a.Shell, WaitCommand) {
			return field.ErrorList{field.Required(p.Child("background"), WaitCommand+" in the shell line is for a background action; write background: {}")}
		}
		return nil
	}
	p = p.Child("background")
	errs := exactlyOne(p, []string{"readyLine", "ready", WaitCommand + " in the shell line"}, b.ReadyLine != "", b.Ready != nil, strings.Contains(a.Shell, WaitCommand))
	errs = append(errs, plainText(p.Child("readyLine"), b.ReadyLine, maxReadyLine)...)
	errs = append(errs, b.Ready.validate(p.Child("ready"))...)
	errs = append(errs, positive(p.Child("lifetime"), b.Lifetime)...)
	if b.Lifetime.Duration > MaxLifetime {
		errs = append(errs, field.Invalid(p.Child("lifetime"), b.Lifetime.Duration.String(), "must be at most "+MaxLifetime.String()))
	}
	if a.Retries > 0 {
		errs = append(errs, field.Forbidden(p, "a background action is not run again: leave retries out"))
	}
	return errs
}

// reportName checks a name that only reports show; two of the same could not be told apart there.
func reportName(p *field.Path, name string, seen map[string]bool) field.ErrorList {
	if name == "" {
		return nil
	}
	if seen[name] {
		return field.ErrorList{field.Duplicate(p, name)}
	}
	seen[name] = true
	return plainText(p, name, maxRuleName)
}

// positive checks a duration; zero means that it was left out.
func positive(p *field.Path, d metav1.Duration) field.ErrorList {
	if d.Duration < 0 {
		return field.ErrorList{field.Invalid(p, d.Duration.String(), "must be more than 0")}
	}
	return nil
}
