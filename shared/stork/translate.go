package stork

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Differences are those that hold for every rule.
const Differences = "rules of Stork run here with differences: a command that fails is not run again (there, twelve times), " +
	"one that takes longer than 60s has failed (there, it has no limit), and the namespaces of a backup are frozen together (there, one after another); docs/rules.md lists them all"

// typeCommand is the only type of an action.
const typeCommand = "command"

// executor are annotations for the pod that runs Stork's background commands; here there is none.
var executor = []string{"stork.libopenstorage.org/cmdexecutor-image", "stork.libopenstorage.org/cmdexecutor-image-secret"}

// lastApplied is kubectl's copy of the document.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// translation is one rule on its way.
type translation struct{ notes, mistakes []salvor.Problem }

func (t *translation) note(path, format string, args ...any) {
	t.notes = append(t.notes, salvor.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (t *translation) mistake(path, format string, args ...any) {
	t.mistakes = append(t.mistakes, salvor.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Translate makes a Rule of Salvor's of it.
func (r *Rule) Translate() (salvor.Object, []salvor.Problem, []salvor.Problem) {
	var t translation
	t.note("", "%s", Differences)
	out := salvor.New(salvor.KindRule).(*salvor.Rule)
	out.ObjectMeta = t.meta(r.Metadata)
	for i, item := range r.Rules {
		out.Spec.SubRules = append(out.Spec.SubRules, t.item(fmt.Sprintf("rules[%d]", i), item))
	}
	out.Default()
	for _, e := range out.Validate() {
		t.mistakes = append(t.mistakes, salvor.Problem{Path: paths.Replace(e.Field), Message: paths.Replace(e.ErrorBody())})
	}
	return out, t.notes, t.mistakes
}

// paths turns the paths of a Salvor rule into those of the rule that it was made of.
var paths = strings.NewReplacer("spec.subRules", "rules", "podSelectors[0].matchLabels", "podSelector", ".shell", ".value")

func (t *translation) meta(m Metadata) salvor.ObjectMeta {
	out := salvor.ObjectMeta{Name: m.Name, Labels: m.Labels, Annotations: maps.Clone(m.Annotations)}
	if out.Annotations == nil {
		out.Annotations = map[string]string{}
	}
	for _, name := range executor {
		if _, there := out.Annotations[name]; there {
			t.note("metadata.annotations["+name+"]", "left out: there is no executor pod and no image, commands are sent from outside of the cluster")
			delete(out.Annotations, name)
		}
	}
	out.Annotations[NamespaceAnnotation] = m.Namespace
	var left []string
	if _, there := out.Annotations[lastApplied]; there {
		left = append(left, "annotation "+lastApplied)
		delete(out.Annotations, lastApplied)
	}
	for name, value := range map[string]any{"generateName": m.GenerateName, "selfLink": m.SelfLink, "uid": m.UID, "resourceVersion": m.ResourceVersion,
		"generation": m.Generation, "creationTimestamp": m.CreationTimestamp, "deletionTimestamp": m.DeletionTimestamp,
		"deletionGracePeriodSeconds": m.DeletionGracePeriodSeconds, "ownerReferences": m.OwnerReferences, "finalizers": m.Finalizers, "managedFields": m.ManagedFields} {
		if value != nil {
			left = append(left, name)
		}
	}
	if slices.Sort(left); len(left) > 0 {
		t.note("metadata", "left out, as it is of the object in the cluster: %s", strings.Join(left, ", "))
	}
	return out
}

func (t *translation) item(path string, item Item) salvor.SubRule {
	if len(item.PodSelector) == 0 {
		t.note(path+".podSelector", "is empty: every pod in the namespaces of the backup is chosen, as with Stork")
	}
	s := salvor.SubRule{PodSelectors: []metav1.LabelSelector{{MatchLabels: item.PodSelector}}}
	for i, a := range item.Actions {
		s.Actions = append(s.Actions, t.action(fmt.Sprintf("%s.actions[%d]", path, i), item.Container, a))
	}
	return s
}

// action translates an action. One with a mistake becomes one that has no other.
func (t *translation) action(path, container string, a Action) salvor.Action {
	out := salvor.Action{Shell: a.Value, Container: container, RunInSinglePod: a.RunInSinglePod}
	waits := strings.Contains(a.Value, salvor.WaitCommand)
	known := len(t.mistakes)
	if a.Type != typeCommand {
		t.mistake(path+".type", "must be %s, is %q; Stork knows no other either", typeCommand, a.Type)
	}
	switch {
	case strings.TrimSpace(a.Value) == "":
		t.mistake(path+".value", "is missing: the line for the shell")
	case a.Background && !waits:
		t.mistake(path+".value", "a background command says by running %s that it is ready; without it, Stork fails when it runs the rule", salvor.WaitCommand)
	case !a.Background && waits:
		t.mistake(path+".value", "%s is for a background command: write background: true beside it", salvor.WaitCommand)
	case a.Background:
		out.Background = &salvor.Background{}
		t.note(path+".background", "has to be ready within 60s (with Stork, 15m), and ends by itself 30s after the backup's maxFreeze; "+
			"as with Stork, a rule that has this can't be a post-exec rule")
	}
	if len(t.mistakes) > known {
		out.Shell, out.Background = "true", nil
	}
	if a.RunInSinglePod {
		t.note(path+".runInSinglePod", "runs in one pod of all namespaces of the backup, the first by namespace and name (with Stork, in one of each namespace, "+
			"whichever comes first); with spec.ruleScope: Namespace of the backup, in one of each")
	}
	return out
}
