package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shot makes a snapshot of one object, which may have an owner, and of that.
func shot(name, rest string) *snapshot {
	return &snapshot{objects: map[key][]byte{
		{"services", "shop", name}: fmt.Appendf(nil, `{"metadata":{"name":%q,"uid":"u-%[1]s","ownerReferences":[{"kind":"Offer","name":"o","uid":"u-owner"}]}%s}`, name, rest),
		{"offers", "shop", "o"}:    []byte(`{"metadata":{"name":"o","uid":"u-owner"}}`),
	}}
}

func TestCompareFindsWhatDiffers(t *testing.T) {
	allow := &allowances{
		Fields:  []*allowance{{Path: "/metadata/uid", Reason: "new"}, {Path: "/status", Reason: "seen"}, {Path: "/spec/ip", Kinds: []string{"services"}, Unless: "None", Reason: "address"}},
		Objects: []*allowance{{Kinds: []string{"events"}, Reason: "log"}},
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
			got, err := compare(shot("x", c.was), shot("x", c.is), allow)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Join(got.problems, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareFindsObjects(t *testing.T) {
	allow := &allowances{Objects: []*allowance{{Kinds: []string{"events"}, Reason: "log"}}}
	was, is := shot("x", ""), shot("y", "")
	delete(is.objects, key{"offers", "shop", "o"})
	is.objects[key{"events", "shop", "e"}] = []byte(`{}`)
	got, err := compare(was, is, allow)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"offers shop/o is missing", "services shop/x is missing", "services shop/y is new", "services shop/y names an owner that doesn't live: Offer o, uid u-owner"}
	if diff := cmp.Diff(want, got.problems); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	one := func(value string) *snapshot {
		return &snapshot{objects: map[key][]byte{{"secrets", "shop", "s"}: fmt.Appendf(nil, `{"data":{"key":%q}}`, value)}}
	}
	got, err := compare(one("hidden"), one("other"), &allowances{})
	if err != nil || len(got.problems) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if strings.Contains(got.problems[0], "hidden") || strings.Contains(got.problems[0], "other") {
		t.Errorf("shown: %s", got.problems[0])
	}
}

func TestEveryAllowanceHasAReason(t *testing.T) {
	a, err := readAllowances()
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Fields) == 0 || len(a.Objects) == 0 {
		t.Error("the file of allowed differences is empty")
	}
}
