package stork_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/stork"
)

// mysql holds a lock in each server while the cut is made, and flushes a queue in one worker first.
const mysql = `apiVersion: stork.libopenstorage.org/v1alpha1
kind: Rule
metadata:
  name: mysql-hold
  namespace: orders
  labels: {team: orders}
  annotations:
    owner: dba@example.org
    stork.libopenstorage.org/cmdexecutor-image: registry.example.org/cmdexecutor:1
rules:
  - podSelector: {app: orders-worker}
    actions:
      - type: command
        runInSinglePod: true
        value: /opt/orders/drain --wait
  - podSelector:
      app: mysql
      tier: db
    container: mysqld
    actions:
      - type: command
        background: true
        value: mysql -uroot -p"$MYSQL_ROOT_PASSWORD" -e 'flush tables with read lock; system ${WAIT_CMD};'
`

const translated = `apiVersion: salvor.io/v1
kind: Rule
metadata:
  name: mysql-hold
  labels:
    team: orders
  annotations:
    owner: dba@example.org
    salvor.io/stork-namespace: orders
spec:
  subRules:
    - name: "1"
      podSelectors:
        - matchLabels:
            app: orders-worker
      onNoPods: Warn
      actions:
        - name: "1"
          shell: /opt/orders/drain --wait
          timeout: 1m0s
          onError: Fail
          runInSinglePod: true
    - name: "2"
      podSelectors:
        - matchLabels:
            app: mysql
            tier: db
      onNoPods: Warn
      actions:
        - name: "1"
          shell: mysql -uroot -p"$MYSQL_ROOT_PASSWORD" -e 'flush tables with read lock; system ${WAIT_CMD};'
          container: mysqld
          timeout: 1m0s
          onError: Fail
          background: {}
`

// load reads one source.
func load(t *testing.T, text string) ([]salvor.Object, string, error) {
	t.Helper()
	objects, notes, err := salvor.LoadForeign([]byte(text), "in.yaml", stork.Kinds)
	return objects, notes.Error(), err
}

func asYAML(t *testing.T, o salvor.Object) string {
	t.Helper()
	text, err := salvor.Encode(o, salvor.FormatYAML)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARuleOfStorkIsTaken(t *testing.T) {
	objects, notes, err := load(t, mysql)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	if diff := cmp.Diff(translated, asYAML(t, objects[0])); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{
		"in.yaml:1: Rule/mysql-hold: rules of Stork run here with differences",
		"in.yaml:9: Rule/mysql-hold: metadata.annotations[stork.libopenstorage.org/cmdexecutor-image]: left out",
		"in.yaml:14: Rule/mysql-hold: rules[0].actions[0].runInSinglePod: ",
		"in.yaml:22: Rule/mysql-hold: rules[1].actions[0].background: has to be ready within 60s",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in\n%s", want, notes)
		}
	}
	again, notes, err := load(t, asYAML(t, objects[0]))
	if err != nil || notes != "" {
		t.Fatalf("what it became is refused, or noted: %v %s", err, notes)
	}
	if diff := cmp.Diff(objects, again); diff != "" {
		t.Error(diff)
	}
}

// As kubectl get rules -A -o json prints them, with what only a cluster knows.
func TestAListOfRulesIsTaken(t *testing.T) {
	item := `{"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"Rule","metadata":{"name":%q,"namespace":"pg","uid":"u","resourceVersion":"77","generation":2,
		"creationTimestamp":"2026-01-01T00:00:00Z","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"},
		"managedFields":[{"manager":"kubectl","fieldsV1":{"f:rules":{".":{}}}}]},
		"rules":[{"podSelector":{"app":"pg"},"actions":[{"type":"command","value":"psql -c CHECKPOINT"}]}]}`
	objects, notes, err := load(t, `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[`+fmt.Sprintf(item, "a")+",\n"+fmt.Sprintf(item, "b")+`]}`)
	if err != nil || len(objects) != 2 || objects[1].Meta().Name != "b" {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	want := "metadata: left out, as it is of the object in the cluster: annotation kubectl.kubernetes.io/last-applied-configuration, creationTimestamp, generation, managedFields, resourceVersion, uid"
	if !strings.Contains(notes, "Rule/b: "+want) {
		t.Errorf("%q is not in\n%s", want, notes)
	}
}

func TestDocumentsOfBothAreTaken(t *testing.T) {
	own := "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: own}\nspec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n"
	objects, _, err := load(t, own+"---\n"+mysql)
	if err != nil || len(objects) != 2 || objects[0].Meta().Name != "own" || objects[1].Meta().Name != "mysql-hold" {
		t.Errorf("%d objects, %v", len(objects), err)
	}
}

func TestMistakesNameTheField(t *testing.T) {
	for name, tt := range map[string]struct {
		change, to string // in mysql
		want       string
	}{
		"an unknown field":              {"runInSinglePod", "runInOnePod", "in.yaml:14: Rule/mysql-hold: rules[0].actions[0].runInOnePod: unknown field; known here are type, background"},
		"a value of another type":       {"runInSinglePod: true", "runInSinglePod: maybe", `in.yaml:14: Rule/mysql-hold: rules[0].actions[0].runInSinglePod: must be true or false, is the text "maybe"`},
		"a key twice":                   {"container: mysqld", "container: mysqld\n    container: other", "rules[1].container: stands twice; the first is on line 19"},
		"an operator":                   {"{app: orders-worker}", "{matchLabels: {app: x}}", "in.yaml:11: Rule/mysql-hold: rules[0].podSelector[matchLabels]: must be text, is a mapping"},
		"another type of action":        {"type: command", "type: script", `rules[0].actions[0].type: must be command, is "script"`},
		"no type":                       {"type: command\n        run", "run", `rules[0].actions[0].type: must be command, is ""`},
		"no WAIT_CMD":                   {"${WAIT_CMD}", "sleep 60", "in.yaml:23: Rule/mysql-hold: rules[1].actions[0].value: a background command says by running ${WAIT_CMD} that it is ready"},
		"WAIT_CMD in the foreground":    {"background: true", "background: false", "rules[1].actions[0].value: ${WAIT_CMD} is for a background command"},
		"no value":                      {"value: /opt/orders/drain --wait", "value: ''", "rules[0].actions[0].value: is missing"},
		"a container that can't be":     {"container: mysqld", "container: My SQL", `rules[1].actions[0].container: Invalid value: "My SQL"`},
		"a label that can't be":         {"tier: db", "tier: a b", `in.yaml:16: Rule/mysql-hold: rules[1].podSelector: Invalid value: "a b"`},
		"a name that can't be":          {"name: mysql-hold", "name: MySQL", "metadata.name: Invalid value"},
		"another kind of Stork's":       {"kind: Rule", "kind: SchedulePolicy", "in.yaml:2: kind: of Stork's kinds only Rule is taken, not SchedulePolicy"},
		"another version":               {"v1alpha1", "v2", "of Stork's versions only stork.libopenstorage.org/v1alpha1 is known, not stork.libopenstorage.org/v2"},
		"the same name, two namespaces": {"", strings.Replace(mysql, "namespace: orders", "namespace: other", 1) + "---\n", "objects of Salvor have no namespace: give one of them another name"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, _, err := load(t, strings.Replace(mysql, tt.change, tt.to, 1))
			ps := salvor.Problems{}
			if !errors.As(err, &ps) || objects != nil || !salvor.Is(err, salvor.Invalid) {
				t.Fatalf("got %v, %v", objects, err)
			}
			if len(ps) != 1 || !strings.Contains(ps.Error(), tt.want) {
				t.Errorf("%q is not the only one of\n%s", tt.want, ps)
			}
		})
	}
}

func TestMistakesOfEverySortAreNamedAtOnce(t *testing.T) {
	wrong := strings.NewReplacer("runInSinglePod: true", "runInSinglePod: maybe", "container: mysqld", "container: My SQL", "tier: db", "tier: [db]")
	_, _, err := load(t, wrong.Replace(mysql))
	ps := salvor.Problems{}
	if !errors.As(err, &ps) || len(ps) != 3 {
		t.Fatalf("want three mistakes, got\n%v", err)
	}
	for _, want := range []string{"rules[0].actions[0].runInSinglePod: must be true or false", "rules[1].podSelector[tier]: must be text", "rules[1].actions[0].container: Invalid value"} {
		if !strings.Contains(ps.Error(), want) {
			t.Errorf("%q is not in\n%s", want, ps)
		}
	}
}

func TestARuleReplacesOnlyItself(t *testing.T) {
	of := func(text string) salvor.Object {
		objects, _, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		return objects[0]
	}
	orders, nowhere := of(mysql), of(strings.Replace(mysql, "  namespace: orders\n", "", 1))
	other := of(strings.Replace(mysql, "namespace: orders", "namespace: other", 1))
	own := salvor.New(salvor.KindRule)
	for _, tt := range []struct {
		name     string
		o, there salvor.Object
		clash    bool
	}{
		{"itself", orders, orders, false}, {"the same, without namespace", nowhere, orders, false}, {"one of another namespace", orders, other, true},
		{"one of Salvor's own", orders, own, true}, {"one of Salvor's own over it", own, orders, false},
	} {
		if err := stork.Clash(tt.o, tt.there); salvor.Is(err, salvor.Conflict) != tt.clash {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Whatever is read: what is accepted is valid, and reads the same when it is written.
func FuzzLoad(f *testing.F) {
	f.Add(mysql)
	f.Add(`{"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"Rule","metadata":{"name":"a","managedFields":[{"a":[1,{"b":null}]}]},"rules":[{"actions":[{"type":"command","value":"x"}]}]}`)
	f.Add("apiVersion: v1\nkind: List\nitems: [&a {apiVersion: stork.libopenstorage.org/v1alpha1, kind: Rule, metadata: {name: a}, rules: []}, *a]\n")
	f.Add("apiVersion: stork.libopenstorage.org/v1alpha1\nkind: Rule\nmetadata: {<<: {name: a}}\nrules: [{podSelector: {a: b}, actions: [{type: command, background: true, value: \"${WAIT_CMD}\"}]}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		objects, notes, err := salvor.LoadForeign([]byte(text), "fuzz", stork.Kinds)
		if err != nil && objects != nil {
			t.Fatal("objects beside an error")
		}
		for _, n := range notes {
			if n.Message == "" {
				t.Errorf("an empty note: %+v", n)
			}
		}
		for _, o := range objects {
			if errs := o.Validate(); len(errs) > 0 {
				t.Fatalf("accepted and invalid: %v", errs)
			}
			again, err := salvor.Load([]byte(asYAML(t, o)), "again")
			if err != nil {
				t.Fatalf("%v in\n%s", err, asYAML(t, o))
			}
			if o.GetKind() == salvor.KindRule && asYAML(t, again[0]) != asYAML(t, o) {
				t.Errorf("read anew it is\n%s, not\n%s", asYAML(t, again[0]), asYAML(t, o))
			}
		}
	})
}
