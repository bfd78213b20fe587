// Package access finds out whether an identity may do in a cluster what Salvor needs.
//
// A level is how much that is: what a backup takes, that and what a restore takes, or only what it takes to look after
// snapshots. infra/kubernetes/rbac.yaml grants each level to a group. A finding is the answer to one question, with what to do where it is no.
package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Level is what an identity is to do.
type Level string

// The levels.
const (
	// Backup lists, runs the commands of rules, and snapshots volumes.
	Backup Level = "backup"
	// Restore does that and brings objects back.
	Restore Level = "restore"
	// Settle waits for snapshots, and deletes them with their backup, and does nothing else.
	Settle Level = "settle"
)

// levels are all of them.
var levels = []Level{Backup, Restore, Settle}

// The groups of infra/kubernetes/rbac.yaml.
const (
	BackupGroup  = "salvor-backup"
	RestoreGroup = "salvor-restore"
	SettleGroup  = "salvor-settle"
)

// ParseLevel reads a level. Invalid: it is none.
func ParseLevel(s string) (Level, error) {
	if l := Level(s); slices.Contains(levels, l) {
		return l, nil
	}
	return "", salvor.Errorf(salvor.Invalid, "%q is no level of access", s).WithHint("choose %s, %s or %s", Backup, Restore, Settle)
}

// Groups returns the groups that an identity of the level is in.
func (l Level) Groups() []string {
	switch l {
	case Restore:
		return []string{BackupGroup, RestoreGroup}
	case Settle:
		return []string{SettleGroup}
	}
	return []string{BackupGroup}
}

// Finding is the answer to one question.
type Finding struct {
	// Check is the question, such as "list every kind".
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	// Detail says what was found.
	Detail string `json:"detail,omitempty"`
	// Missing are the actions that are not allowed, as kubectl auth can-i takes them.
	Missing []string `json:"missing,omitempty"`
	// Remedy says what to do; empty when it is OK.
	Remedy string `json:"remedy,omitempty"`
}

// Client is the identity, signed in.
type Client interface {
	Discover(context.Context) (cluster.Discovery, error)
	May(context.Context, cluster.Action) (bool, error)
}

// Options narrow what is asked.
type Options struct {
	Level Level
	// Namespace asks for this one alone, as where the role is bound there; empty asks for the whole cluster.
	Namespace string
	// NoRules leaves out what only rules need.
	NoRules bool
	// NoVolumes leaves out what only snapshots of volumes need.
	NoVolumes bool
	// Remedy says how to join the group that has the missing right.
	Remedy func(group string) string
}

// question is something that is needed: all of its actions.
type question struct {
	check, group string
	actions      []cluster.Action
}

// atOnce is how many questions are asked at the same time.
const atOnce = 8

// Check asks for everything that the level needs. An error is one of asking, not a missing right.
func Check(ctx context.Context, c Client, o Options) ([]Finding, error) {
	questions := o.questions()
	findings := make([]Finding, len(questions))
	for i, q := range questions {
		missing, err := denied(ctx, c, q.actions)
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 && q.actions[0].Resource == "*" {
			if missing, err = deniedKinds(ctx, c, q.actions[0]); err != nil {
				return nil, err
			}
		}
		findings[i] = o.finding(q, missing)
	}
	return findings, nil
}

func (o Options) questions() []question {
	all := func(verb string) []cluster.Action {
		return []cluster.Action{{Verb: verb, Group: "*", Resource: "*", Namespace: o.Namespace}}
	}
	if o.Level == Settle {
		return []question{{"look after snapshots", SettleGroup, o.settling()}}
	}
	qs := []question{{"list every kind", BackupGroup, all("list")}}
	if o.Namespace == "" {
		qs = append(qs, question{"tell this cluster from others", BackupGroup, []cluster.Action{{Verb: "get", Resource: "namespaces", Name: "kube-system"}}})
	}
	if !o.NoRules {
		qs = append(qs, question{"run rules in pods", BackupGroup, []cluster.Action{{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: o.Namespace}}})
	}
	if !o.NoVolumes {
		qs = append(qs, question{"snapshot volumes", BackupGroup, o.snapshots()})
	}
	if o.Level != Restore {
		return qs
	}
	for _, verb := range []string{"get", "create", "update", "patch"} {
		qs = append(qs, question{verb + " every kind", RestoreGroup, all(verb)})
	}
	return append(qs, question{"bring back roles that grant more than it has", RestoreGroup, o.roles()})
}

// snapshots is what it takes to make snapshots of volumes, to keep them, and to remove them.
func (o Options) snapshots() []cluster.Action {
	var actions []cluster.Action
	for _, verb := range []string{"get", "create", "patch", "delete"} {
		actions = append(actions, cluster.Action{Verb: verb, Group: "snapshot.storage.k8s.io", Resource: "volumesnapshots", Namespace: o.Namespace},
			cluster.Action{Verb: verb, Group: "snapshot.storage.k8s.io", Resource: "volumesnapshotcontents"})
	}
	return actions
}

// settling is what it takes besides to look after snapshots, where not every kind may be listed.
func (o Options) settling() []cluster.Action {
	return append(o.snapshots(), cluster.Action{Verb: "list", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshots", Namespace: o.Namespace},
		cluster.Action{Verb: "list", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshotcontents"},
		cluster.Action{Verb: "patch", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshotcontents", Subresource: "status"})
}

// roles are the two exceptions from the rule that nobody hands out rights which they lack
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
func (o Options) roles() []cluster.Action {
	kinds := []string{"roles", "clusterroles"}
	if o.Namespace != "" {
		kinds = kinds[:1]
	}
	var actions []cluster.Action
	for _, kind := range kinds {
		for _, verb := range []string{"escalate", "bind"} {
			actions = append(actions, cluster.Action{Verb: verb, Group: "rbac.authorization.k8s.io", Resource: kind, Namespace: o.Namespace})
		}
	}
	return actions
}

// denied returns the actions that are not allowed, in their order.
func denied(ctx context.Context, c Client, actions []cluster.Action) ([]cluster.Action, error) {
	no := make([]bool, len(actions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, a := range actions {
		group.Go(func() error {
			ok, err := c.May(ctx, a)
			no[i] = !ok
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var missing []cluster.Action
	for i, a := range actions {
		if no[i] {
			missing = append(missing, a)
		}
	}
	return missing, nil
}

// deniedKinds asks kind by kind, where not all are allowed at once.
func deniedKinds(ctx context.Context, c Client, all cluster.Action) ([]cluster.Action, error) {
	d, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	var actions []cluster.Action
	for _, r := range d.Resources {
		if r.Can("list") && r.Can(all.Verb) && (all.Namespace == "" || r.Namespaced) {
			actions = append(actions, cluster.Action{Verb: all.Verb, Group: r.Group, Resource: r.Name, Namespace: all.Namespace})
		}
	}
	return denied(ctx, c, actions)
}

// shown is how many actions a detail names.
const shown = 6

func (o Options) finding(q question, missing []cluster.Action) Finding {
	f := Finding{Check: q.check, OK: len(missing) == 0}
	if f.OK {
		return f
	}
	for _, a := range missing {
		f.Missing = append(f.Missing, a.String())
	}
	slices.Sort(f.Missing)
	f.Detail = "it may not " + strings.Join(once(f.Missing[:min(shown, len(f.Missing))]), ", ")
	if more := len(f.Missing) - shown; more > 0 {
		f.Detail += fmt.Sprintf(" and %d more", more)
	}
	if o.Remedy != nil {
		f.Remedy = o.Remedy(q.group)
	}
	return f
}

// once names the verb of each action only where it changes.
func once(actions []string) []string {
	var short []string
	last := ""
	for _, a := range actions {
		verb, rest, _ := strings.Cut(a, " ")
		if verb != last {
			rest = a
		}
		last, short = verb, append(short, rest)
	}
	return short
}
