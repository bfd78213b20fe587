package stack

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// noValue is AWS::NoValue: what it stands for is left out.
type noValue struct{}

// Resolve works out what a value of the template is in this deployment.
func (s *Stack) Resolve(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, arg := range v {
				if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, arg)
				}
			}
		}
		return s.mapping(v)
	case []any:
		list := []any{}
		for _, item := range v {
			r, err := s.Resolve(item)
			if err != nil {
				return nil, err
			}
			if _, none := r.(noValue); !none {
				list = append(list, r)
			}
		}
		return list, nil
	}
	return v, nil
}

func (s *Stack) mapping(v map[string]any) (any, error) {
	m := map[string]any{}
	for key, item := range v {
		r, err := s.Resolve(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if _, none := r.(noValue); !none {
			m[key] = r
		}
	}
	return m, nil
}

// call evaluates one intrinsic function.
func (s *Stack) call(name string, arg any) (any, error) {
	switch name {
	case "Ref":
		return s.ref(text(arg))
	case "Condition":
		return s.holds(text(arg))
	case "Fn::GetAtt":
		list := arg.([]any)
		return s.attribute(text(list[0]), text(list[1]))
	case "Fn::Sub":
		return s.substitute(arg)
	case "Fn::If":
		return s.choose(arg.([]any))
	}
	r, err := s.Resolve(arg)
	if err != nil {
		return nil, err
	}
	list, _ := r.([]any)
	switch name {
	case "Fn::Equals":
		return text(list[0]) == text(list[1]), nil
	case "Fn::Not":
		return list[0] != true, nil
	case "Fn::Join":
		var parts []string
		for _, p := range list[1].([]any) {
			parts = append(parts, text(p))
		}
		return strings.Join(parts, text(list[0])), nil
	case "Fn::Select":
		i, err := strconv.Atoi(text(list[0]))
		if err != nil {
			return nil, err
		}
		return list[1].([]any)[i], nil
	}
	return nil, fmt.Errorf("%s is not understood here", name)
}

func (s *Stack) choose(list []any) (any, error) {
	ok, err := s.holds(text(list[0]))
	if err != nil {
		return nil, err
	}
	if ok {
		return s.Resolve(list[1])
	}
	return s.Resolve(list[2])
}

// holds evaluates a condition.
func (s *Stack) holds(name string) (bool, error) {
	c, ok := s.Conditions[name]
	if !ok {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	v, err := s.Resolve(c)
	return v == true, err
}

func (s *Stack) ref(name string) (any, error) {
	switch name {
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::Region":
		return s.Region, nil
	case "AWS::AccountId":
		return s.Account, nil
	case "AWS::StackName":
		return s.Name, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	}
	if v, ok := s.values[name]; ok {
		return v, nil
	}
	return s.physical(name)
}

var reference = regexp.MustCompile(`\$\{([^}!]+)\}`)

// substitute fills in ${Name} and ${Name.Attribute}.
func (s *Stack) substitute(arg any) (any, error) {
	format, own := arg, map[string]any{}
	if list, ok := arg.([]any); ok {
		format = list[0]
		own, _ = list[1].(map[string]any)
	}
	var failed error
	out := reference.ReplaceAllStringFunc(text(format), func(m string) string {
		name := m[2 : len(m)-1]
		v, err := s.named(name, own)
		if err != nil {
			failed = err
		}
		return text(v)
	})
	return out, failed
}

func (s *Stack) named(name string, own map[string]any) (any, error) {
	if v, ok := own[name]; ok {
		return s.Resolve(v)
	}
	if logical, attribute, ok := strings.Cut(name, "."); ok {
		return s.attribute(logical, attribute)
	}
	return s.ref(name)
}
