package awslocal

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
)

// Policy is an IAM policy document of the plain kind: Allow and Deny, with AWS principals, StringEquals, and * in
// actions and resources. What it can't judge it refuses to read.
type Policy struct {
	Version    string      `json:"Version,omitempty"`
	Statements []Statement `json:"Statement"`
}

// Statement is one of a policy.
type Statement struct {
	Sid       string                      `json:"Sid,omitempty"`
	Effect    string                      `json:"Effect"`
	Principal map[string]Texts            `json:"Principal,omitempty"`
	Action    Texts                       `json:"Action"`
	Resource  Texts                       `json:"Resource,omitempty"`
	Condition map[string]map[string]Texts `json:"Condition,omitempty"`
}

// Texts is one text or several.
type Texts []string

// UnmarshalJSON reads a string or a list of strings.
func (t *Texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = Texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// UnmarshalJSON reads a policy and refuses what would be judged wrongly.
func (p *Policy) UnmarshalJSON(raw []byte) error {
	type plain Policy
	if err := json.Unmarshal(raw, (*plain)(p)); err != nil {
		return err
	}
	for _, s := range p.Statements {
		for operator := range s.Condition {
			if operator != "StringEquals" {
				return fmt.Errorf("a condition %s is not understood here", operator)
			}
		}
		for kind := range s.Principal {
			if kind != "AWS" {
				return fmt.Errorf("a principal of %s is not understood here", kind)
			}
		}
	}
	return nil
}

// request is what a policy judges.
type request struct {
	// principals are the ARNs that the caller answers to; empty for a policy that is the caller's own.
	principals []string
	action     string
	resource   string
	keys       map[string]string
}

// allows judges as IAM does: a Deny wins, and what nobody allows is denied.
func allows(policies []Policy, r request) bool {
	allowed := false
	for _, p := range policies {
		for _, s := range p.Statements {
			if !s.matches(r) {
				continue
			}
			if s.Effect != "Allow" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

func (s Statement) matches(r request) bool {
	if len(r.principals) > 0 && !slices.ContainsFunc(r.principals, func(p string) bool { return slices.Contains(s.Principal["AWS"], p) }) {
		return false
	}
	if !s.Action.match(r.action) || r.resource != "" && !s.Resource.match(r.resource) {
		return false
	}
	for key, want := range s.Condition["StringEquals"] {
		if got, there := r.keys[key]; !there || !slices.Contains(want, got) {
			return false
		}
	}
	return true
}

// match lets * stand for anything; path.Match would stop at a slash, of which there are none in actions.
func (t Texts) match(s string) bool {
	return slices.ContainsFunc(t, func(pattern string) bool {
		ok, err := path.Match(pattern, s)
		return pattern == "*" || err == nil && ok
	})
}
