package salvor

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Problem is one mistake in a document or an object.
type Problem struct {
	// Source is where the document came from, such as a file name; empty for an object made in Go.
	Source string `json:"source,omitempty"`
	// Document is the document's number in the source, from 1; 0 when there is only one.
	Document int `json:"document,omitempty"`
	// Line in the source, from 1; 0 when it is not known.
	Line int `json:"line,omitempty"`
	// Object is kind and name, as far as they are known.
	Object string `json:"object,omitempty"`
	// Path of the field, such as spec.subRules[0].actions[1].timeout; empty for the whole document.
	Path string `json:"path,omitempty"`
	// Message says what is wrong.
	Message string `json:"message"`
}

// String is one line: rules.yaml:12 (document 2): Rule/freeze: spec.subRules[0].actoins: unknown field.
func (p Problem) String() string {
	var parts []string
	if p.Source != "" {
		where := p.Source
		if p.Line > 0 {
			where += fmt.Sprintf(":%d", p.Line)
		}
		if p.Document > 0 {
			where += fmt.Sprintf(" (document %d)", p.Document)
		}
		parts = append(parts, where)
	}
	for _, s := range []string{p.Object, p.Path, p.Message} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems are all the mistakes that were found. As an error it has one line for each; errors.As finds it in the
// errors of Decode, Load and Check.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// err is the error of the problems, nil when there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Err: ps}
}

// Check validates an object. Invalid: it has mistakes; the error holds all of them as Problems.
func Check(o Object) error {
	var ps Problems
	for _, e := range o.Validate() {
		ps = append(ps, fieldProblem(o, e))
	}
	return ps.err()
}

func fieldProblem(o Object, e *field.Error) Problem {
	return Problem{Object: objectName(o.GetKind(), o.Meta().Name), Path: e.Field, Message: e.ErrorBody()}
}

// objectName is kind/name, as far as they are known.
func objectName(kind, name string) string {
	switch {
	case kind == "":
		return name
	case name == "":
		return kind
	}
	return kind + "/" + name
}
