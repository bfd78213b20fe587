package restore_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// history writes backups without objects, at hours from noon, which is enough to choose from.
func (w *world) history(list ...struct {
	name   string
	hours  int
	phase  salvor.Phase
	scope  []string
	spaces []string
}) {
	w.t.Helper()
	for _, h := range list {
		b := &stored{name: h.name, cut: noon.Add(time.Duration(h.hours) * time.Hour), phase: h.phase, scope: salvor.Scope{Namespaces: h.scope}, namespaces: h.spaces}
		if h.phase == salvor.PhasePartiallyFailed {
			b.failures = []salvor.Failure{{Kind: "secrets", Objects: -1, Reason: "forbidden"}}
		}
		b.store(w)
	}
}

type past = []struct {
	name   string
	hours  int
	phase  salvor.Phase
	scope  []string
	spaces []string
}

func TestChoosingByDate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history(past{
		{"old", -72, salvor.PhaseCompleted, []string{"*"}, []string{"shop-a", "shop-b", "shop-gone", "bank"}},
		{"a", -48, salvor.PhaseCompleted, []string{"shop-*"}, []string{"shop-a", "shop-b"}},
		{"b-only", -24, salvor.PhaseCompleted, []string{"shop-b"}, []string{"shop-b"}},
		{"partial", -1, salvor.PhasePartiallyFailed, []string{"shop-*"}, []string{"shop-a"}},
		{"exact", 0, salvor.PhaseCompleted, []string{"exact"}, []string{"exact"}},
		{"later", 24, salvor.PhaseCompleted, []string{"*"}, []string{"shop-a", "shop-b", "new"}},
	}...)
	for _, c := range []struct {
		sentence   string
		namespaces []string
		partial    bool
		want       string
		warning    string
	}{
		{"each namespace comes from its newest good backup", []string{"shop-a", "shop-b"}, false, "b-only[shop-b] a[shop-a]", ""},
		{"a glob leaves out what was gone by then", []string{"shop-*"}, false, "b-only[shop-b] a[shop-a]", ""},
		{"a wider glob goes on looking, and knows what was gone", []string{"*"}, false, "exact[exact] b-only[shop-b] a[shop-a] old[bank]", `"shop-gone" is left out: backup "a"`},
		{"a name in full brings back what was gone", []string{"shop-gone"}, false, "old[shop-gone]", ""},
		{"partial ones count when allowed", []string{"shop-a"}, true, "partial[shop-a]", "it lacks secrets (forbidden)"},
		{"a backup of that very moment counts", []string{"exact"}, false, "exact[exact]", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			p, err := w.engine.Plan(t.Context(), salvor.RestoreSpec{SourceCluster: "source", AsOf: metav1.NewTime(noon), Namespaces: c.namespaces, AllowPartial: c.partial})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range p.Status() {
				got = append(got, s.Backup+"["+strings.Join(s.Namespaces, " ")+"]")
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
			if warnings := strings.Join(p.Warnings, "\n"); !strings.Contains(warnings, c.warning) || c.warning == "" && warnings != "" {
				t.Errorf("warnings %q, want %q", warnings, c.warning)
			}
		})
	}
}

func TestWhatCannotBeChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history(past{
		{"partial", -1, salvor.PhasePartiallyFailed, []string{"*"}, []string{"shop"}},
		{"good", -2, salvor.PhaseCompleted, []string{"*"}, []string{"bank"}},
		{"two", -2, salvor.PhaseCompleted, []string{"a", "b"}, []string{"a", "b"}},
		{"failed", -3, salvor.PhaseFailed, []string{"*"}, []string{"shop"}},
		{"later", 2, salvor.PhaseCompleted, []string{"*"}, []string{"shop"}},
		{"much-later", 20, salvor.PhaseCompleted, []string{"*"}, []string{"shop"}},
	}...)
	for _, c := range []struct {
		sentence string
		spec     salvor.RestoreSpec
		code     salvor.Code
		says     []string
	}{
		{"a namespace without good backup by then", salvor.RestoreSpec{AsOf: metav1.NewTime(noon), Namespaces: []string{"shop"}}, salvor.NotFound, []string{`"shop"`, `"partial"`, "--allow-partial", `"later" of 2026-11-20T14:00:00Z`}},
		{"a namespace that nobody has heard of", salvor.RestoreSpec{AsOf: metav1.NewTime(noon), Namespaces: []string{"shup"}}, salvor.NotFound, []string{"no backup holds it"}},
		{"a glob that matches nothing", salvor.RestoreSpec{AsOf: metav1.NewTime(noon), Namespaces: []string{"shup-*"}}, salvor.NotFound, []string{"shup-*", "bank"}},
		{"a partial backup by its name", salvor.RestoreSpec{Backup: "partial"}, salvor.Invalid, []string{"secrets (forbidden)", "--allow-partial"}},
		{"a failed backup by its name", salvor.RestoreSpec{Backup: "failed", AllowPartial: true}, salvor.Invalid, []string{"Failed"}},
		{"a namespace that the backup lacks", salvor.RestoreSpec{Backup: "good", Namespaces: []string{"shop"}}, salvor.NotFound, []string{"shop", "it holds bank"}},
		{"a mapping of a namespace that isn't chosen", salvor.RestoreSpec{Backup: "good", NamespaceMapping: map[string]string{"bnak": "x"}}, salvor.Invalid, []string{`"bnak"`, "bank"}},
		{"two namespaces that would become one", salvor.RestoreSpec{Backup: "two", NamespaceMapping: map[string]string{"a": "b"}}, salvor.Invalid, []string{`"a"`, `"b"`}},
		{"a backup that isn't there", salvor.RestoreSpec{Backup: "nothing"}, salvor.NotFound, []string{"nothing"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			c.spec.SourceCluster = "source"
			_, err := w.engine.Plan(t.Context(), c.spec)
			if !salvor.Is(err, c.code) {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

func TestTheSetAsOfADate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := testenv.Unique()
	a, b := "t-"+id+"-a", "t-"+id+"-b"
	w.create(namespaces, "", a, "")
	w.create(namespaces, "", b, "")
	w.create(configMaps, a, "c", `"data":{"v":"1"}`)
	w.create(configMaps, b, "c", `"data":{"v":"1"}`)
	role := "r-" + id
	w.create(globalRoles, "", role, `"rules":[]`)
	bind := `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"` + role + `"}`
	w.create(bindings, a, "b", bind)
	w.create(bindings, b, "b", bind)
	take := func(name string, hours int, nss ...string) {
		s := w.take(name, nss, configMaps, bindings).global(w, globalRoles, role)
		s.cut, s.scope.Namespaces = noon.Add(time.Duration(hours)*time.Hour), nss
		s.store(w)
	}
	take("both", -10, a, b)
	w.merge(configMaps, b, "c", `{"data":{"v":"2"}}`)
	w.merge(globalRoles, "", role, `{"metadata":{"labels":{"v":"2"}}}`)
	take("newer-b", -5, b)
	w.merge(configMaps, b, "c", `{"data":{"v":"3"}}`)
	take("too-late", 5, a, b)
	for _, ns := range []string{a, b} {
		w.delete(namespaces, "", ns)
	}
	w.delete(globalRoles, "", role)

	r, err := w.restore(salvor.RestoreSpec{AsOf: metav1.NewTime(noon), Namespaces: []string{"t-" + id + "-*"}})
	if err != nil || r.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("phase %s, error %v, failures %v", r.Status.Phase, err, r.Status.Failures)
	}
	if got := value(w.get(configMaps, a, "c"), "data", "v") + value(w.get(configMaps, b, "c"), "data", "v"); got != "12" {
		t.Errorf("versions %s, want 1 of the first and 2 of the second", got)
	}
	if got := value(w.get(globalRoles, "", role), "metadata", "labels", "v"); got != "2" {
		t.Errorf("the shared cluster role is of version %q, want that of the newest backup chosen", got)
	}
	if len(r.Status.Sources) != 2 || r.Status.Sources[0].Backup != "newer-b" || !r.Status.Sources[0].CutAt.Equal(new(metav1.NewMicroTime(noon.Add(-5*time.Hour)))) {
		t.Errorf("sources %+v", r.Status.Sources)
	}
	w.expect(w.outcomes(r), configMaps, b, "c", salvor.OutcomeCreated, "")
}
