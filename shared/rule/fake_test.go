package rule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// fake is a cluster of pods, for the engine's own logic; tests/ runs the same on a real one.
type fake struct {
	pods []map[string]any
	// exec plays a command; nil: it ends with code 0. line is the shell line, or the argv.
	exec func(ctx context.Context, r cluster.ExecRequest, line string) error
	// listed, if set, is asked before each list.
	listed func(cluster.ListRequest) error

	// mute leaves the greeting of shell lines to exec.
	mute bool

	// noShell is why pods have no shell.
	noShell map[string]error

	mu    sync.Mutex
	calls []string // "pod/container: line", as they began
	lists []string // namespaces that were listed
}

func (f *fake) Exec(ctx context.Context, r cluster.ExecRequest) error {
	if slices.Equal(r.Command, []string{"/bin/sh", "-c", ":"}) { // whether there is a shell
		if f.noShell != nil {
			return f.noShell[r.Pod]
		}
		return nil
	}
	line := fmt.Sprint(r.Command)
	if r.Command[0] == "/bin/sh" {
		line = strings.TrimPrefix(r.Command[len(r.Command)-1], rule.Patient)
	}
	f.mu.Lock()
	f.calls = append(f.calls, fmt.Sprintf("%s/%s/%s: %s", r.Namespace, r.Pod, r.Container, line))
	f.mu.Unlock()
	if f.exec == nil {
		return nil
	}
	if r.StdinStays && !f.mute {
		fmt.Fprintln(r.Stderr, rule.Here)
		var answer, said string
		if _, err := fmt.Fscanln(r.Stdin, &answer, &said); err != nil || answer != "go" {
			return fmt.Errorf("%w: %s %s, %w", cluster.ErrLost, answer, said, err)
		}
	}
	return f.exec(ctx, r, line)
}

// List returns two pods a page.
func (f *fake) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	f.mu.Lock()
	f.lists = append(f.lists, r.Namespace)
	f.mu.Unlock()
	if f.listed != nil {
		if err := f.listed(r); err != nil {
			return cluster.ListResult{}, err
		}
	}
	if ctx.Err() != nil {
		return cluster.ListResult{}, ctx.Err()
	}
	selector, err := labels.Parse(r.LabelSelector)
	if err != nil {
		return cluster.ListResult{}, err
	}
	from, _ := strconv.Atoi(r.Continue)
	for i := from; i < len(f.pods); i++ {
		if i == from+2 {
			return cluster.ListResult{Continue: strconv.Itoa(i)}, nil
		}
		meta := f.pods[i]["metadata"].(map[string]any)
		if r.Namespace != "" && meta["namespace"] != r.Namespace || !selector.Matches(labels.Set(meta["labels"].(map[string]string))) {
			continue
		}
		raw, _ := json.Marshal(f.pods[i])
		if err := each(cluster.Item{Raw: raw}); err != nil {
			return cluster.ListResult{}, err
		}
	}
	return cluster.ListResult{}, nil
}

func (f *fake) sorted() []string { return slices.Sorted(slices.Values(f.calls)) }

// pod is a running pod in namespace shop, with label app; mods change it.
func pod(name, app string, mods ...func(map[string]any)) map[string]any {
	p := map[string]any{
		"metadata": map[string]any{"namespace": "shop", "name": name, "uid": "uid-" + name, "labels": map[string]string{"app": app}},
		"spec":     map[string]any{},
		"status":   map[string]any{"phase": "Running"},
	}
	containers("main")(p)
	for _, mod := range mods {
		mod(p)
	}
	return p
}

// set changes one field of a part of a pod.
func set(part, field string, value any) func(map[string]any) {
	return func(p map[string]any) { p[part].(map[string]any)[field] = value }
}

// containers gives a pod these running containers.
func containers(names ...string) func(map[string]any) {
	return func(p map[string]any) {
		var spec, status []any
		for _, n := range names {
			spec = append(spec, map[string]any{"name": n})
			status = append(status, map[string]any{"name": n, "state": map[string]any{"running": map[string]any{}}})
		}
		set("spec", "containers", spec)(p)
		set("status", "containerStatuses", status)(p)
	}
}

// waiting makes all containers of a pod crash.
func waiting(p map[string]any) {
	for _, s := range p["status"].(map[string]any)["containerStatuses"].([]any) {
		s.(map[string]any)["state"] = map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}
	}
}

// app selects by label app.
func app(values ...string) []metav1.LabelSelector {
	var s []metav1.LabelSelector
	for _, v := range values {
		s = append(s, metav1.LabelSelector{MatchLabels: map[string]string{"app": v}})
	}
	return s
}

func sub(selectors []metav1.LabelSelector, actions ...salvor.Action) salvor.SubRule {
	return salvor.SubRule{PodSelectors: selectors, Actions: actions}
}

func sh(line string) salvor.Action { return salvor.Action{Shell: line} }

func spec(subs ...salvor.SubRule) salvor.RuleSpec { return salvor.RuleSpec{SubRules: subs} }

// run runs a rule in namespace shop.
func run(t *testing.T, f *fake, phase string, s salvor.RuleSpec) (rule.Report, error) {
	t.Helper()
	e := rule.Engine{Cluster: f, Now: time.Now}
	return e.Run(t.Context(), s, []string{"shop"}, phase)
}
