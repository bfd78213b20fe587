package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// tailLines is how much of each output is shown; all that is kept of it is in the report.
const tailLines = 10

// storedReport reads the report of the last worker of the backup, up to that of an epoch, that stored one.
func storedReport(ctx context.Context, h *home.Home, b *salvor.Backup, upTo int64) (data []byte, epoch int64, err error) {
	repo, err := h.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
	if err != nil {
		return nil, 0, err
	}
	for epoch = upTo; ; epoch-- {
		data, err := repo.Report(ctx, b.Name, archive.ReportName(epoch), "")
		if err == nil || epoch <= 1 || !salvor.Is(err, salvor.NotFound) {
			return data, epoch, err
		}
	}
}

// mostReports is how many reports are looked at for what the rules of a backup did.
const mostReports = 20

// ran is what the rules of a backup did. A thaw that was paid later has a report of its own, and the one before the cut is in
// an earlier one.
func ran(ctx context.Context, h *home.Home, b *salvor.Backup) (rules []backup.RuleReport, err error) {
	epoch := b.Status.Lease.Epoch
	for range mostReports {
		data, of, err := storedReport(ctx, h, b, epoch)
		if len(rules) > 0 && salvor.Is(err, salvor.NotFound) {
			return rules, nil
		}
		if err != nil {
			return nil, err
		}
		var report backup.Report
		if err := json.Unmarshal(data, &report); err != nil {
			return nil, fmt.Errorf("reading the report of %s: %w", reference(b), err)
		}
		rules = append(report.Rules, rules...)
		begun := slices.ContainsFunc(rules, func(r backup.RuleReport) bool { return r.Phase == rule.PreExec })
		if epoch = of - 1; begun || epoch < 1 || !b.Spec.Freezes() {
			break
		}
	}
	return rules, nil
}

// printReport prints it as it is.
func (a *app) printReport(ctx context.Context, h *home.Home, b *salvor.Backup) error {
	data, _, err := storedReport(ctx, h, b, b.Status.Lease.Epoch)
	if err != nil {
		return err
	}
	return a.json(json.RawMessage(data))
}

// explainRan prints what the rules of a backup did in each pod. That there is no report, as of a backup that failed before it
// reached its location, is no error: the rest of the backup is explained all the same.
func (a *app) explainRan(ctx context.Context, h *home.Home, b *salvor.Backup) error {
	if h.Remote != nil || b.Spec.Location == "" || !b.Spec.Freezes() && b.Spec.PostExecRule == "" {
		return nil
	}
	rules, err := ran(ctx, h, b)
	if err != nil {
		a.warn("what its rules did can't be shown: %s", oneLine(err.Error()))
		return nil
	}
	if len(rules) == 0 {
		return nil
	}
	fmt.Fprintln(a.sys.Stdout)
	return a.printRules(rules, tailLines)
}

// reportOf is what the rule engine reported, as it is in memory or was read from a stored report.
func reportOf(r backup.RuleReport) (rule.Report, error) {
	var out rule.Report
	data, err := json.Marshal(r.Report)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		return out, fmt.Errorf("reading the report of the %s rule: %w", r.Phase, err)
	}
	return out, nil
}

// printRules prints a line for each action in each pod, and then at most so many last lines of what each wrote.
func (a *app) printRules(rules []backup.RuleReport, lines int) error {
	t := table{head: []string{"PHASE", "SUB-RULE", "ACTION", "POD", "CONTAINER", "EXIT", "TIME", "RESULT"}, colours: a.sys.colours(a.sys.Stdout)}
	var outputs strings.Builder
	for _, r := range rules {
		report, err := reportOf(r)
		if err != nil {
			return err
		}
		for _, s := range report.SubRules {
			if s.Error != "" {
				t.rows = append(t.rows, append(plain(r.Phase, s.Name, "-", "-", "-", "-", "-"), cell{oneLine(s.Error), red}))
			}
			for _, action := range s.Actions {
				for _, p := range action.Pods {
					t.rows = append(t.rows, append(plain(r.Phase, s.Name, action.Name, p.Namespace+"/"+p.Pod, p.Container, exitText(p), timeText(p)), resultOf(p)))
					writeTail(&outputs, r.Phase+" "+s.Name+" "+action.Name+" "+p.Namespace+"/"+p.Pod, p, lines)
				}
			}
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	if err := t.write(a.sys.Stdout); err != nil {
		return err
	}
	if outputs.Len() == 0 {
		return nil
	}
	_, err := fmt.Fprintf(a.sys.Stdout, "\n%s", outputs.String())
	return err
}

func exitText(p rule.PodResult) string {
	if p.ExitCode == nil {
		return "-"
	}
	return strconv.Itoa(*p.ExitCode)
}

func timeText(p rule.PodResult) string {
	switch {
	case p.StartedAt.IsZero():
		return "-"
	case p.ReadyAfter.Duration > 0:
		return fmt.Sprintf("%s, ready after %s", took(p.Duration.Duration), took(p.ReadyAfter.Duration))
	}
	return took(p.Duration.Duration)
}

// resultOf says in one cell how a command ended.
func resultOf(p rule.PodResult) cell {
	text := "ok"
	switch {
	case p.Error != "":
		return cell{oneLine(p.Error), red}
	case p.ReadyAfter.Duration > 0:
		text = "ready, and ended when it was told to"
	}
	if p.Attempts > 1 {
		text += fmt.Sprintf(", the %d. time", p.Attempts)
	}
	return cell{text: text}
}

// writeTail writes the last lines that a command wrote, the two outputs apart.
func writeTail(b *strings.Builder, title string, p rule.PodResult, lines int) {
	for _, o := range []struct {
		name, text string
		bytes      int64
	}{{"stdout", p.Stdout, p.StdoutBytes}, {"stderr", p.Stderr, p.StderrBytes}} {
		text := strings.TrimRight(o.text, "\n")
		if text == "" || lines == 0 {
			continue
		}
		all := strings.Split(text, "\n")
		last := all[max(0, len(all)-lines):]
		more := ""
		if o.bytes > int64(len(strings.Join(last, "\n"))+1) {
			more = fmt.Sprintf(" (the end of %s)", size(o.bytes))
		}
		fmt.Fprintf(b, "%s, %s%s:\n", title, o.name, more)
		for _, line := range last {
			fmt.Fprintln(b, "    "+line)
		}
	}
}
