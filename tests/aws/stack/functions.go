package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Function is a Lambda function of the template.
type Function struct {
	Logical, Name, ARN string
	Timeout            time.Duration
	// Memory in MB.
	Memory  int
	Env     map[string]string
	Handler string
	// Role is the logical name of its role.
	Role     string
	LogGroup string
	// OnFailure is the ARN of the queue that gets asynchronous events which failed, and Retries how often they are tried again.
	OnFailure string
	Retries   int
	// Sources are the queues that invoke it.
	Sources []Source
}

// Source is a queue that invokes a function: its ARN, and how many messages at most come at once.
type Source struct {
	Queue string
	Batch int
}

// Functions returns all functions, sorted, with what Globals give them.
func (s *Stack) Functions() ([]Function, error) {
	names, err := s.OfType("AWS::Serverless::Function")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Function
	for _, name := range names {
		f, err := s.function(name)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (s *Stack) function(logical string) (Function, error) {
	p, err := s.Properties(logical)
	if err != nil {
		return Function{}, err
	}
	globals, err := s.Resolve(s.Globals["Function"])
	if err != nil {
		return Function{}, fmt.Errorf("globals: %w", err)
	}
	env := map[string]string{}
	for _, source := range []map[string]any{globals.(map[string]any), p} {
		e, _ := source["Environment"].(map[string]any)
		variables, _ := e["Variables"].(map[string]any)
		for k, v := range variables {
			env[k] = text(v)
		}
	}
	merged := maps.Clone(globals.(map[string]any))
	maps.Copy(merged, p)
	arn, err := s.ARN(logical)
	if err != nil {
		return Function{}, err
	}
	seconds, _ := merged["Timeout"].(int)
	memory, _ := merged["MemorySize"].(int)
	f := Function{Logical: logical, Name: text(p["FunctionName"]), ARN: arn, Timeout: time.Duration(seconds) * time.Second, Memory: memory,
		Env: env, Handler: text(merged["Handler"]), Retries: 2}
	if role, ok := s.Resources[logical].Properties["Role"].(map[string]any); ok {
		if att, ok := role["Fn::GetAtt"].([]any); ok {
			f.Role = text(att[0])
		}
	}
	logging, _ := p["LoggingConfig"].(map[string]any)
	f.LogGroup = text(logging["LogGroup"])
	f.invocation(p)
	return f, nil
}

func (f *Function) invocation(p map[string]any) {
	c, _ := p["EventInvokeConfig"].(map[string]any)
	if n, ok := c["MaximumRetryAttempts"].(int); ok {
		f.Retries = n
	}
	d, _ := c["DestinationConfig"].(map[string]any)
	on, _ := d["OnFailure"].(map[string]any)
	f.OnFailure = text(on["Destination"])
	events, _ := p["Events"].(map[string]any)
	for _, e := range events {
		if e := e.(map[string]any); e["Type"] == "SQS" {
			q := e["Properties"].(map[string]any)
			batch, _ := q["BatchSize"].(int)
			f.Sources = append(f.Sources, Source{Queue: text(q["Queue"]), Batch: batch})
		}
	}
}

// Folder is the folder of functions/ that the function is made of.
func (f Function) Folder() string { return strings.ToLower(strings.TrimSuffix(f.Logical, "Function")) }

// Definition is a state machine's, with its substitutions made, as JSON.
func (s *Stack) Definition(logical string) ([]byte, error) {
	p, err := s.Properties(logical)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(s.Path), text(p["DefinitionUri"])))
	if err != nil {
		return nil, fmt.Errorf("reading the definition of %s: %w", logical, err)
	}
	definition := string(data)
	substitutions, _ := p["DefinitionSubstitutions"].(map[string]any)
	for name, value := range substitutions {
		definition = strings.ReplaceAll(definition, "${"+name+"}", text(value))
	}
	if strings.Contains(definition, "${") || !json.Valid([]byte(definition)) {
		return nil, fmt.Errorf("the definition of %s is not JSON, or not all of it is substituted", logical)
	}
	return []byte(definition), nil
}

// Route is one of the HTTP API: a method, or ANY, and a path, and the function that answers it.
type Route struct {
	Method, Path  string
	Authorization string
	Authorizer    string // physical name, of a token's
	Function      string // logical name
}

// Routes lists those of the HTTP API.
func (s *Stack) Routes() ([]Route, error) {
	names, err := s.OfType("AWS::ApiGatewayV2::Route")
	if err != nil {
		return nil, err
	}
	var routes []Route
	for _, name := range names {
		p, err := s.Properties(name)
		if err != nil {
			return nil, err
		}
		r := Route{Authorization: text(p["AuthorizationType"]), Authorizer: text(p["AuthorizerId"])}
		r.Method, r.Path, _ = strings.Cut(text(p["RouteKey"]), " ")
		target := strings.TrimPrefix(text(p["Target"]), "integrations/")
		if r.Function, err = s.integrated(target); err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// integrated is the function behind the integration of that physical name.
func (s *Stack) integrated(target string) (string, error) {
	for name, r := range s.Resources {
		if r.Type != "AWS::ApiGatewayV2::Integration" || s.plainName(name) != target {
			continue
		}
		if uri, ok := r.Properties["IntegrationUri"].(map[string]any); ok {
			if att, ok := uri["Fn::GetAtt"].([]any); ok {
				return text(att[0]), nil
			}
		}
	}
	return "", fmt.Errorf("no function is behind %s", target)
}
