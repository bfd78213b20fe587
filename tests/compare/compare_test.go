package compare_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tests/compare"
)

// shot makes a snapshot of one object, which may have an owner, and of that.
func shot(name, rest string) *compare.Snapshot {
	return &compare.Snapshot{Objects: map[compare.Key][]byte{
		{"services", "shop", name}: fmt.Appendf(nil, `{"metadata":{"name":%q,"uid":"u-%[1]s","ownerReferences":[{"kind":"Offer","name":"o","uid":"u-owner"}]}%s}`, name, rest),
		{"offers", "shop", "o"}:    []byte(`{"metadata":{"name":"o","uid":"u-owner"}}`),
	}}
}

func TestCompareFindsWhatDiffers(t *testing.T) {
	allow := &compare.Allowances{
		Fields:  []*compare.Allowance{{Path: "/metadata/uid", Reason: "new"}, {Path: "/status", Reason: "seen"}, {Path: "/spec/ip", Kinds: []string{"services"}, Unless: "None", Reason: "address"}},
		Objects: []*compare.Allowance{{Kinds: []string{"events"}, Reason: "log"}},
	}
	for _, c := range []struct{ why, was, is, want string }{
		{"nothing", `,"spec":{"a":[1,2]}`, `,"spec":{"a":[1,2]}`, ""},
		{"another value", `,"spec":{"a":1}`, `,"spec":{"a":2}`, "services shop/x: /spec/a was 1 and is 2"},
		{"a number written otherwise", `,"spec":{"a":1.0}`, `,"spec":{"a":1}`, "services shop/x: /spec/a was 1.0 and is 1"},
		{"a digit that a float would lose", `,"spec":{"a":12345678901234567890}`, `,"spec":{"a":12345678901234567891}`, "services shop/x: /spec/a was 12345678901234567890 and is 12345678901234567891"},
		{"another type", `,"spec":{"a":"1"}`, `,"spec":{"a":1}`, `services shop/x: /spec/a was "1" and is 1`},
		{"a missing field", `,"spec":{"a":{"b":1}}`, `,"spec":{}`, "services shop/x: /spec/a/b was 1 and is not there"},
		{"a new field", ``, `,"spec":{"a":null}`, "services shop/x: /spec/a was not there and is null"},
		{"a missing empty object", `,"spec":{"emptyDir":{}}`, `,"spec":{}`, "services shop/x: /spec/emptyDir was {} and is not there"},
		{"an object for a list", `,"spec":{"a":{"0":1}}`, `,"spec":{"a":[1]}`, `services shop/x: /spec/a was {"0":1} and is [1]`},
		{"a shorter list", `,"spec":{"a":[1,2]}`, `,"spec":{"a":[1]}`, "services shop/x: /spec/a/1 was 2 and is not there"},
		{"a name with a slash", `,"spec":{"a/b":1}`, `,"spec":{"a/b":2}`, "services shop/x: /spec/a~1b was 1 and is 2"},
		{"what may differ, and all below it", `,"status":{"a":1},"spec":{"ip":"1"}`, `,"status":{"b":[2]},"spec":{"ip":"2"}`, ""},
		{"a value that must stay", `,"spec":{"ip":"None"}`, `,"spec":{"ip":"2"}`, `services shop/x: /spec/ip was "None" and is "2"`},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := compare.Compare(shot("x", c.was), shot("x", c.is), allow)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Join(got.Problems, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareFindsObjects(t *testing.T) {
	allow := &compare.Allowances{Objects: []*compare.Allowance{{Kinds: []string{"events"}, Reason: "log"}}}
	was, is := shot("x", ""), shot("y", "")
	delete(is.Objects, compare.Key{"offers", "shop", "o"})
	is.Objects[compare.Key{"events", "shop", "e"}] = []byte(`{}`)
	got, err := compare.Compare(was, is, allow)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"offers shop/o is missing", "services shop/x is missing", "services shop/y is new", "services shop/y names an owner that doesn't live: Offer o, uid u-owner"}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	one := func(value string) *compare.Snapshot {
		return &compare.Snapshot{Objects: map[compare.Key][]byte{{"secrets", "shop", "s"}: fmt.Appendf(nil, `{"data":{"key":%q}}`, value)}}
	}
	got, err := compare.Compare(one("hidden"), one("other"), &compare.Allowances{})
	if err != nil || len(got.Problems) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if strings.Contains(got.Problems[0], "hidden") || strings.Contains(got.Problems[0], "other") {
		t.Errorf("shown: %s", got.Problems[0])
	}
}

func TestEveryAllowanceHasAReason(t *testing.T) {
	a, err := compare.ReadAllowances("")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Fields) == 0 || len(a.Objects) == 0 {
		t.Error("the file of allowed differences is empty")
	}
}

func TestAnAllowanceHoldsForWhatItIsAbout(t *testing.T) {
	one := func(meta, rest string) *compare.Snapshot {
		return &compare.Snapshot{Objects: map[compare.Key][]byte{{Kind: "pods", Namespace: "shop", Name: "web"}: fmt.Appendf(nil, `{"metadata":{"name":"web"%s}%s}`, meta, rest)}}
	}
	controlled := `,"ownerReferences":[{"kind":"ReplicaSet","name":"web","uid":"u","controller":true}]`
	for _, c := range []struct {
		why         string
		allow       compare.Allowance
		meta        string
		was, is     string
		field, want bool
	}{
		{"a controlled object", compare.Allowance{Controlled: true}, controlled, `,"a":1`, `,"a":2`, false, true},
		{"an object with an owner that doesn't control it", compare.Allowance{Controlled: true}, strings.ReplaceAll(controlled, "true", "false"), `,"a":1`, `,"a":2`, false, false},
		{"a label that matches", compare.Allowance{Labels: map[string]string{"by": "*-controller"}}, `,"labels":{"by":"slice-controller"}`, `,"a":1`, `,"a":2`, false, true},
		{"another label", compare.Allowance{Labels: map[string]string{"by": "*-controller"}}, `,"labels":{"by":"hand"}`, `,"a":1`, `,"a":2`, false, false},
		{"an annotation that is not there", compare.Allowance{Annotations: map[string]string{"by": "*"}}, ``, `,"a":1`, `,"a":2`, false, false},
		{"a name that matches", compare.Allowance{Names: []string{"w*"}}, ``, `,"a":1`, `,"a":2`, false, true},
		{"another name", compare.Allowance{Names: []string{"x*"}}, ``, `,"a":1`, `,"a":2`, false, false},
		{"a value that may change", compare.Allowance{Path: "/a", Only: "token-*"}, ``, `,"a":"token-1"`, `,"a":"token-2"`, true, true},
		{"another value", compare.Allowance{Path: "/a", Only: "token-*"}, ``, `,"a":"data"`, `,"a":"token-2"`, true, false},
		{"a value that is no text", compare.Allowance{Path: "/a", Only: "*"}, ``, `,"a":1`, `,"a":2`, true, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			c.allow.Reason = "tested"
			allow := &compare.Allowances{Objects: []*compare.Allowance{&c.allow}}
			if c.field {
				allow = &compare.Allowances{Fields: []*compare.Allowance{&c.allow}}
			}
			is := one(c.meta, c.is)
			is.Objects[compare.Key{Kind: "owners", Name: "web"}] = []byte(`{"metadata":{"name":"web","uid":"u"}}`)
			was := one(c.meta, c.was)
			was.Objects[compare.Key{Kind: "owners", Name: "web"}] = []byte(`{"metadata":{"name":"web","uid":"u"}}`)
			got, err := compare.Compare(was, is, allow)
			if err != nil {
				t.Fatal(err)
			}
			if allowed := len(got.Problems) == 0; allowed != c.want {
				t.Errorf("allowed: %v, problems %v", allowed, got.Problems)
			}
		})
	}
}
