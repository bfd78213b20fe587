package rule_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func single(line string, s *salvor.SinglePod) salvor.Action {
	return salvor.Action{Shell: line, RunInSinglePod: true, SinglePod: s}
}

func TestSinglePod(t *testing.T) {
	leads := salvor.Probe{Shell: "am I the leader?"}
	primary := &metav1.LabelSelector{MatchLabels: map[string]string{"role": "primary"}}
	labelled := func(labels map[string]string) func(map[string]any) { return set("metadata", "labels", labels) }
	pods := []map[string]any{pod("db-10", "db"), pod("db-2", "db", labelled(map[string]string{"app": "db", "role": "primary"})), pod("db-9", "db")}
	tests := map[string]struct {
		choice  *salvor.SinglePod
		leaders []string
		want    string // the pod, or what the error says
		fails   bool
	}{
		"the first by name, with numbers as such": {want: "db-2"},
		"the last by name":                        {choice: &salvor.SinglePod{Order: salvor.PodOrderLast}, want: "db-10"},
		"the one with a label":                    {choice: &salvor.SinglePod{Selector: primary, Order: salvor.PodOrderLast}, want: "db-2"},
		"the one that leads":                      {choice: &salvor.SinglePod{Leader: &leads}, leaders: []string{"db-9"}, want: "db-9"},
		"of two that lead, the last":              {choice: &salvor.SinglePod{Leader: &leads, Order: salvor.PodOrderLast}, leaders: []string{"db-2", "db-9"}, want: "db-9"},
		"none leads":                              {choice: &salvor.SinglePod{Leader: &leads}, want: "no pod says that it is the leader; pod shop/db-2", fails: true},
		"none has the label":                      {choice: &salvor.SinglePod{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"role": "none"}}}, want: "singlePod.selector chooses none", fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{pods: pods, exec: func(_ context.Context, r cluster.ExecRequest, line string) error {
				if line == leads.Shell && !slices.Contains(tt.leaders, r.Pod) {
					return &cluster.ExitError{Code: 1}
				}
				return nil
			}}
			_, err := run(t, f, rule.PreExec, spec(sub(app("db"), single("freeze", tt.choice))))
			ran := slices.DeleteFunc(f.sorted(), func(c string) bool { return !strings.HasSuffix(c, "freeze") })
			if tt.fails {
				if !salvor.Is(err, salvor.NotFound) || !strings.Contains(err.Error(), tt.want) || len(ran) > 0 {
					t.Errorf("got %v, and %q ran", err, ran)
				}
				return
			}
			if diff := cmp.Diff([]string{"shop/" + tt.want + "/main: freeze"}, ran); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// A leader that has changed since the cut was never frozen.
func TestSinglePodAfterTheCutIsThatOfBefore(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "db"), pod("b", "db")}, exec: func(_ context.Context, r cluster.ExecRequest, line string) error {
		if line == "leader?" && r.Pod == "a" {
			return &cluster.ExitError{Code: 1}
		}
		return nil
	}}
	e := rule.Engine{Cluster: f, Now: time.Now}
	_, err := e.Thaw(t.Context(), rule.Request{Spec: spec(sub(app("db"), single("thaw", &salvor.SinglePod{Leader: &salvor.Probe{Shell: "leader?"}}))), Namespaces: []string{"shop"},
		Begun: []salvor.PodRef{{Namespace: "shop", Name: "a", UID: "uid-a"}}})
	if err != nil || !slices.Contains(f.calls, "shop/a/main: thaw") || slices.Contains(f.calls, "shop/b/main: thaw") {
		t.Errorf("got %v, %q", err, f.calls)
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"", "a", "a-01", "a-1", "a-2", "a-10", "a-10-b", "b", "b2", "b10"}
	got := slices.Clone(want)
	slices.Sort(got)
	slices.SortFunc(got, rule.Natural)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
