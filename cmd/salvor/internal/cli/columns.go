package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// printTable prints objects of one kind as a table; wide adds columns.
func (a *app) printTable(objects []salvor.Object, wide bool) error {
	if len(objects) == 0 {
		return nil
	}
	t := table{colours: a.sys.colours(a.sys.Stdout)}
	for _, o := range objects {
		head, row := a.row(o, wide)
		t.head = head
		t.rows = append(t.rows, row)
	}
	return t.write(a.sys.Stdout)
}

// row is the head of an object's kind and its line.
func (a *app) row(o salvor.Object, wide bool) (head []string, row []cell) {
	switch o := o.(type) {
	case *salvor.Backup:
		return a.backupRow(o, wide)
	case *salvor.Restore:
		return a.restoreRow(o, wide)
	}
	head, row = columns(o)
	head, row = append([]string{"NAME"}, head...), append(plain(o.Meta().Name), row...)
	head, row = append(head, "AGE"), append(row, plain(a.age(o.Meta().CreationTimestamp.Time))...)
	if wide {
		head, row = append(head, "REQUESTED BY", "LABELS"), append(row, plain(dash(o.Meta().RequestedBy), labelList(o.Meta().Labels))...)
	}
	return head, row
}

// columns are those of a kind alone.
func columns(o salvor.Object) (head []string, row []cell) {
	switch o := o.(type) {
	case *salvor.Cluster:
		return []string{"ID", "REACHED BY", "VERSION"}, plain(o.ID(), reachedBy(o.Spec), dash(o.Status.Version))
	case *salvor.BackupLocation:
		return []string{"WHERE"}, plain(where(o.Spec))
	case *salvor.Rule:
		actions := 0
		for _, s := range o.Spec.SubRules {
			actions += len(s.Actions)
		}
		return []string{"SUB-RULES", "ACTIONS"}, plain(strconv.Itoa(len(o.Spec.SubRules)), strconv.Itoa(actions))
	case *salvor.SchedulePolicy:
		return []string{"WHEN", "ZONE", "KEEPS"}, plain(schedule.When(o.Spec), o.Spec.TimeZone, keeps(o.Spec.Retention))
	case *salvor.BackupSchedule:
		t := o.Spec.Template.Spec
		return []string{"POLICY", "CLUSTER", "LOCATION", "NAMESPACES", "SUSPENDED"},
			plain(o.Spec.Policy, clustersText(o.Spec), t.Location, scopeText(t.Scope), strconv.FormatBool(o.Spec.Suspend))
	}
	return nil, nil
}

func (a *app) backupRow(b *salvor.Backup, wide bool) (head []string, row []cell) {
	head = []string{"NAME", "CLUSTER", "DATE", "AGE", "PHASE", "OBJECTS", "NAMESPACES"}
	row = plain(b.Name, b.Status.ClusterID, a.time(b.Date()), a.age(b.Date()), a.phaseText(b),
		strconv.FormatInt(b.Status.Progress.Objects, 10), namespaceList(b.Status.Namespaces))
	row[4].colour = phaseColour(b.Status.Phase)
	if wide {
		head = append(head, "LOCATION", "SIZE", "SCHEDULE", "FAILURES", "REQUESTED BY", "LABELS")
		row = append(row, plain(b.Spec.Location, size(b.Status.Progress.Bytes), dash(b.Spec.Schedule),
			strconv.Itoa(len(b.Status.Failures)), dash(b.RequestedBy), labelList(b.Labels))...)
	}
	return head, row
}

func (a *app) restoreRow(r *salvor.Restore, wide bool) (head []string, row []cell) {
	head = []string{"NAME", "FROM", "TARGET", "PHASE", "BEGAN", "AGE"}
	row = plain(r.Name, a.restoreSource(r.Spec), r.Spec.TargetCluster, string(r.Status.Phase), a.time(r.Status.StartedAt.Time), a.age(r.CreationTimestamp.Time))
	row[3].colour = phaseColour(r.Status.Phase)
	if wide {
		head = append(head, "OUTCOMES", "REQUESTED BY", "LABELS")
		row = append(row, plain(dash(outcomeText(r.Status.Outcomes)), dash(r.RequestedBy), labelList(r.Labels))...)
	}
	return head, row
}

// restoreSource says what a restore brings back.
func (a *app) restoreSource(s salvor.RestoreSpec) string {
	if s.Backup != "" {
		return s.SourceCluster + "/" + s.Backup
	}
	return s.SourceCluster + " as of " + a.time(s.AsOf.Time)
}

func reachedBy(s salvor.ClusterSpec) string {
	switch {
	case s.EKS != nil:
		return s.EKS.ARN
	case s.Kubeconfig != nil && s.Kubeconfig.Context != "":
		return "context " + s.Kubeconfig.Context + " of " + kubeconfigPath(s.Kubeconfig)
	case s.Kubeconfig != nil:
		return kubeconfigPath(s.Kubeconfig)
	}
	return "-"
}

func kubeconfigPath(k *salvor.KubeconfigCluster) string {
	if k.Path == "" {
		return "the default kubeconfig"
	}
	return k.Path
}

func where(s salvor.BackupLocationSpec) string {
	switch {
	case s.Directory != nil && len(s.Directory.AgeRecipients) > 0:
		return s.Directory.Path + " (age)"
	case s.Directory != nil:
		return s.Directory.Path
	case s.S3 != nil:
		return strings.TrimSuffix("s3://"+s.S3.Bucket+"/"+s.S3.Prefix, "/")
	}
	return "-"
}

// clustersText says which clusters a schedule backs up.
func clustersText(s salvor.BackupScheduleSpec) string {
	if s.ClusterSelector == nil {
		return s.Template.Spec.Cluster
	}
	if text := metav1.FormatLabelSelector(s.ClusterSelector); text != "<none>" {
		return text
	}
	return "all"
}

func keeps(r salvor.Retention) string {
	var parts []string
	for _, n := range []struct {
		what string
		n    int
	}{{"last", r.Last}, {"hourly", r.Hourly}, {"daily", r.Daily}, {"weekly", r.Weekly}, {"monthly", r.Monthly}, {"yearly", r.Yearly}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", n.what, n.n))
		}
	}
	if r.Within.Duration > 0 {
		parts = append(parts, "within "+r.Within.Duration.String())
	}
	if r.Matching != nil {
		parts = append(parts, metav1.FormatLabelSelector(r.Matching))
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

// scopeText says which namespaces a scope chooses.
func scopeText(s salvor.Scope) string {
	names := slices.Clone(s.Namespaces)
	if s.NamespaceSelector != nil {
		names = append(names, "by label")
	}
	return namespaceList(names)
}

func labelList(labels map[string]string) string {
	var parts []string
	for k, v := range labels {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return dash(strings.Join(parts, ","))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// outcomeText counts outcomes in the order of salvor.Outcome's constants.
func outcomeText(outcomes map[salvor.Outcome]int64) string {
	var parts []string
	for _, o := range []salvor.Outcome{salvor.OutcomeCreated, salvor.OutcomeUpdated, salvor.OutcomeUnchanged, salvor.OutcomeSkipped, salvor.OutcomeFailed} {
		if n := outcomes[o]; n > 0 {
			parts = append(parts, humanize.Comma(n)+" "+strings.ToLower(string(o)))
		}
	}
	return strings.Join(parts, ", ")
}
