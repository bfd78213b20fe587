package catalogtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func newRule(name, shell string) *salvor.Rule {
	r := salvor.New(salvor.KindRule).(*salvor.Rule)
	r.Name = name
	r.Spec.SubRules = []salvor.SubRule{{Name: "1", Actions: []salvor.Action{{Shell: shell}}}}
	return r
}

func objectLife(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	_, err := c.Get(ctx, salvor.KindRule, "freeze")
	wantCode(t, "getting one that was never made", err, salvor.NotFound)
	wantCode(t, "deleting one that was never made", c.Delete(ctx, salvor.KindRule, "freeze", ""), salvor.NotFound)
	wantCode(t, "updating one that was never made", c.Update(ctx, newRule("freeze", "sync")), salvor.Conflict)

	r := newRule("freeze", "sync")
	if err := c.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	first := r.ResourceVersion
	if first == "" {
		t.Fatal("a created object carries no resource version")
	}
	other := newRule("freeze", "other")
	wantCode(t, "creating it again", c.Create(ctx, other), salvor.Exists)
	if other.ResourceVersion != "" {
		t.Errorf("a refused object carries resource version %q", other.ResourceVersion)
	}
	got, err := c.Get(ctx, salvor.KindRule, "freeze")
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "what was created", r, got)

	r.Spec.SubRules[0].Actions[0].Shell = "fsfreeze"
	if err := c.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	if r.ResourceVersion == first {
		t.Error("an update left the resource version as it was")
	}
	stale := newRule("freeze", "stale")
	stale.ResourceVersion = first
	wantCode(t, "updating with an old resource version", c.Update(ctx, stale), salvor.Conflict)
	if stale.ResourceVersion != first {
		t.Errorf("a refused update changed the resource version to %q", stale.ResourceVersion)
	}
	got, err = c.Get(ctx, salvor.KindRule, "freeze")
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "what was updated", r, got)

	wantCode(t, "deleting with an old resource version", c.Delete(ctx, salvor.KindRule, "freeze", first), salvor.Conflict)
	wantCode(t, "deleting one of that name of another kind", c.Delete(ctx, salvor.KindCluster, "freeze", ""), salvor.NotFound)
	if err := c.Delete(ctx, salvor.KindRule, "freeze", r.ResourceVersion); err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(ctx, salvor.KindRule, "freeze")
	wantCode(t, "getting a deleted one", err, salvor.NotFound)
	wantCode(t, "deleting it again", c.Delete(ctx, salvor.KindRule, "freeze", r.ResourceVersion), salvor.NotFound)
	wantCode(t, "updating a deleted one", c.Update(ctx, r), salvor.Conflict)
}

func objectKinds(t *testing.T, c catalog.Catalog) {
	for _, kind := range append(salvor.Kinds(), salvor.KindFreeze) {
		if kind == salvor.KindBackup {
			continue
		}
		o := salvor.New(kind)
		m := o.Meta()
		m.Name, m.RequestedBy = "same", "arn:aws:iam::1:user/eve"
		m.Labels = map[string]string{"app": "shop"}
		m.Annotations = map[string]string{"note": "a \"quote\", a \x00, ünïcødé 🎉 and\nlines"}
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatalf("creating %s: %v", kind, err)
		}
		got, err := c.Get(t.Context(), kind, "same")
		if err != nil {
			t.Fatalf("getting %s: %v", kind, err)
		}
		wantSame(t, kind, o, got)
		if names := list(t, c, kind, 10); !slices.Equal(names, []string{"same"}) {
			t.Errorf("the list of %s is %v", kind, names)
		}
	}
}

func objectVersions(t *testing.T, c catalog.Catalog) {
	seen := map[string]bool{}
	for range 3 {
		r := newRule("again", "sync")
		if err := c.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		created := *r
		if err := c.Update(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{created.ResourceVersion, r.ResourceVersion} {
			if seen[v] {
				t.Fatalf("resource version %q came back: whoever held the old object could overwrite the new one", v)
			}
			seen[v] = true
		}
		if err := c.Delete(t.Context(), salvor.KindRule, "again", ""); err != nil {
			t.Fatal(err)
		}
	}
}

func objectInvalid(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	b := newBackup("prod", "one", noon)
	nameless, long, kindless := newRule("", "sync"), newRule(strings.Repeat("n", catalog.MaxName+1), "sync"), newRule("x", "sync")
	kindless.Kind = ""
	for what, o := range map[string]salvor.Object{
		"a Backup": b, "an object without name": nameless, "a name that is too long": long, "an object without kind": kindless,
		"a name that is not UTF-8": newRule("a\xff", "sync"),
	} {
		wantCode(t, "creating "+what, c.Create(ctx, o), salvor.Invalid)
		wantCode(t, "updating "+what, c.Update(ctx, o), salvor.Invalid)
	}
	for _, kind := range []string{"", "rule", "Pod", salvor.KindBackup} {
		_, err := c.Get(ctx, kind, "x")
		wantCode(t, "getting kind "+kind, err, salvor.Invalid)
		_, _, err = c.List(ctx, kind, "", 0)
		wantCode(t, "listing kind "+kind, err, salvor.Invalid)
		wantCode(t, "deleting kind "+kind, c.Delete(ctx, kind, "x", ""), salvor.Invalid)
	}
	for _, limit := range []int{-1, catalog.MaxLimit + 1} {
		_, _, err := c.List(ctx, salvor.KindRule, "", limit)
		wantCode(t, fmt.Sprintf("listing with limit %d", limit), err, salvor.Invalid)
	}
	for _, cursor := range []string{"x", "!!!", "e30", catalog.ListCursor(salvor.KindCluster, "a")} {
		_, _, err := c.List(ctx, salvor.KindRule, cursor, 0)
		wantCode(t, "listing with cursor "+cursor, err, salvor.Invalid)
	}
}

// list returns the names of all objects of the kind, in pages of the limit.
func list(t *testing.T, c catalog.Objects, kind string, limit int) []string {
	t.Helper()
	var names []string
	cursor := ""
	for {
		items, next, err := c.List(t.Context(), kind, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) > limit || len(items) < limit && next != "" {
			t.Fatalf("listing %s by %d: a page of %d, with next %q", kind, limit, len(items), next)
		}
		for _, o := range items {
			names = append(names, o.Meta().Name)
		}
		if next == "" {
			return names
		}
		cursor = next
	}
}

func objectList(t *testing.T, c catalog.Catalog) {
	if names := list(t, c, salvor.KindRule, 10); len(names) > 0 {
		t.Errorf("an empty catalog lists %v", names)
	}
	want := []string{"0", "A", "a", "a b", "a!b", "a#b", "a-b", "a.b", "a/b", "aa", "ab", "z", "é", "日本"}
	for _, i := range []int{5, 0, 9, 3, 12, 1, 7, 13, 2, 10, 4, 8, 6, 11} {
		if err := c.Create(t.Context(), newRule(want[i], "sync")); err != nil {
			t.Fatal(err)
		}
	}
	cluster := salvor.New(salvor.KindCluster)
	cluster.Meta().Name = "a-cluster"
	if err := c.Create(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 5, 7, 13, 14, 15, 1000} {
		if diff := cmp.Diff(want, list(t, c, salvor.KindRule, limit)); diff != "" {
			t.Errorf("listing by %d (-want +got):\n%s", limit, diff)
		}
	}
	items, next, err := c.List(t.Context(), salvor.KindRule, "", 0)
	if err != nil || len(items) != len(want) || next != "" {
		t.Errorf("listing with the default limit: %d items, next %q, %v", len(items), next, err)
	}
}

func objectListMoves(t *testing.T, c catalog.Catalog) {
	for _, n := range []string{"b", "d", "f", "h"} {
		if err := c.Create(t.Context(), newRule(n, "sync")); err != nil {
			t.Fatal(err)
		}
	}
	_, next, err := c.List(t.Context(), salvor.KindRule, "", 2) // b, d
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"b", "d", "f"} { // The last one of the page too.
		if err := c.Delete(t.Context(), salvor.KindRule, n, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"a", "e"} {
		if err := c.Create(t.Context(), newRule(n, "sync")); err != nil {
			t.Fatal(err)
		}
	}
	items, next, err := c.List(t.Context(), salvor.KindRule, next, 2)
	if err != nil || len(items) != 2 || items[0].Meta().Name != "e" || items[1].Meta().Name != "h" || next != "" {
		t.Errorf("the second page: %d items, next %q, %v; want e and h and no more", len(items), next, err)
	}
}

// race runs do 16 times at once and returns the errors.
func race(do func(i int) error) []error {
	errs := make([]error, 16)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// wantOneWinner fails the test unless one error is nil and all others carry the code. It returns the winner.
func wantOneWinner(t *testing.T, errs []error, code salvor.Code) int {
	t.Helper()
	winner := slices.Index(errs, nil)
	if winner < 0 {
		t.Fatalf("nobody won: %v", errs)
	}
	for i, err := range errs {
		if i != winner {
			wantCode(t, "a loser of the race", err, code)
		}
	}
	return winner
}

func objectCreateRace(t *testing.T, c catalog.Catalog) {
	rules := make([]*salvor.Rule, 16)
	winner := wantOneWinner(t, race(func(i int) error {
		rules[i] = newRule("one", fmt.Sprint(i/2)) // Pairs are the same in every byte.
		return c.Create(t.Context(), rules[i])
	}), salvor.Exists)
	got, err := c.Get(t.Context(), salvor.KindRule, "one")
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "the winner's object", rules[winner], got)
}

func objectDeleteRace(t *testing.T, c catalog.Catalog) {
	if err := c.Create(t.Context(), newRule("one", "sync")); err != nil {
		t.Fatal(err)
	}
	errs := race(func(int) error { return c.Delete(t.Context(), salvor.KindRule, "one", "") })
	if !slices.Contains(errs, nil) {
		t.Errorf("nobody deleted it: %v", errs)
	}
	for _, err := range errs {
		if err != nil {
			wantCode(t, "a loser of the race", err, salvor.NotFound)
		}
	}
	_, err := c.Get(t.Context(), salvor.KindRule, "one")
	wantCode(t, "getting it afterwards", err, salvor.NotFound)
}
