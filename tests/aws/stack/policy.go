package stack

import (
	"fmt"
	"slices"
	"strings"
)

// Statement is one of a role's policies.
type Statement struct {
	Sid, Effect        string
	Actions, Resources []string

	conditions map[string]map[string][]string // operator, key, values
}

// Request is what a policy judges.
type Request struct {
	Action, Resource string
	// Context are the condition keys of the request.
	Context map[string][]string
}

// Policies returns the statements of all policies of the role.
func (s *Stack) Policies(role string) ([]Statement, error) {
	p, err := s.Properties(role)
	if err != nil {
		return nil, err
	}
	var all []Statement
	policies, _ := p["Policies"].([]any)
	for _, policy := range policies {
		statements, err := document(policy)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
		all = append(all, statements...)
	}
	return all, nil
}

// BucketPolicy returns the statements of the policy of that logical name.
func (s *Stack) BucketPolicy(logical string) ([]Statement, error) {
	p, err := s.Properties(logical)
	if err != nil {
		return nil, err
	}
	return document(p)
}

// document reads the PolicyDocument in v.
func document(v any) (all []Statement, err error) {
	for _, raw := range v.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
		st, err := statement(raw.(map[string]any))
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	return all, nil
}

// operators are those of conditions that are understood: they judge what a request has for a condition key, which may be nothing.
var operators = map[string]func(want, has []string) bool{
	"StringEquals": anyOf,
	"Bool":         anyOf,
	"Null":         func(want, has []string) bool { return slices.Contains(want, fmt.Sprint(len(has) == 0)) },
	"ForAllValues:StringLike": func(want, has []string) bool {
		if len(has) == 0 { // IAM would let it pass; here it means that the request was not understood
			return false
		}
		return !slices.ContainsFunc(has, func(v string) bool {
			return !slices.ContainsFunc(want, func(pattern string) bool { return Like(pattern, v) })
		})
	},
}

func anyOf(want, has []string) bool {
	return slices.ContainsFunc(has, func(v string) bool { return slices.Contains(want, v) })
}

func statement(raw map[string]any) (Statement, error) {
	st := Statement{Sid: text(raw["Sid"]), Effect: text(raw["Effect"]), Actions: texts(raw["Action"]), Resources: texts(raw["Resource"]),
		conditions: map[string]map[string][]string{}}
	conditions, _ := raw["Condition"].(map[string]any)
	for operator, keys := range conditions {
		if operators[operator] == nil {
			return st, fmt.Errorf("%s: the condition %s is not understood here", st.Sid, operator)
		}
		st.conditions[operator] = map[string][]string{}
		for key, values := range keys.(map[string]any) {
			st.conditions[operator][key] = texts(values)
		}
	}
	return st, nil
}

// texts is one text or a list of them.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil
		}
		return []string{text(v)}
	}
	var out []string
	for _, item := range list {
		out = append(out, texts(item)...)
	}
	return out
}

// Allows judges the request as IAM does: something allows it, and nothing denies it.
func Allows(policy []Statement, r Request) bool {
	return Denies(policy, r) == "" && slices.ContainsFunc(policy, func(st Statement) bool { return st.Effect == "Allow" && st.Matches(r) })
}

// Denies returns the Sid of a statement that refuses the request whatever else allows it, "" when there is none.
func Denies(policy []Statement, r Request) string {
	for _, st := range policy {
		if st.Effect == "Deny" && st.Matches(r) {
			return st.Sid
		}
	}
	return ""
}

// Uses are the actions of the statements, each as "Sid action", that the request is allowed by.
func Uses(policy []Statement, r Request) []string {
	var all []string
	for _, st := range policy {
		for _, a := range st.Actions {
			one := st
			one.Actions = []string{a}
			if st.Effect == "Allow" && one.Matches(r) {
				all = append(all, st.Sid+" "+a)
			}
		}
	}
	return all
}

// Matches reports whether the statement is about the request.
func (st Statement) Matches(r Request) bool {
	if !slices.ContainsFunc(st.Actions, func(a string) bool { return Like(strings.ToLower(a), strings.ToLower(r.Action)) }) {
		return false
	}
	if len(st.Resources) > 0 && !slices.ContainsFunc(st.Resources, func(p string) bool { return Like(p, r.Resource) }) {
		return false
	}
	for operator, keys := range st.conditions {
		for key, values := range keys {
			if !operators[operator](values, r.Context[key]) {
				return false
			}
		}
	}
	return true
}

// Like matches * and ? as IAM does.
func Like(pattern, value string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '*':
			for i := len(value); i >= 0; i-- {
				if Like(pattern[1:], value[i:]) {
					return true
				}
			}
			return false
		case '?':
			if value == "" {
				return false
			}
		default:
			if value == "" || value[0] != pattern[0] {
				return false
			}
		}
		pattern, value = pattern[1:], value[1:]
	}
	return value == ""
}
