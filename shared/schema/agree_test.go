package schema_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

// spot is a value in a document: where it is, of which type, and how to change it.
type spot struct {
	path string
	typ  reflect.Type
	set  func(any)
	drop func() // nil for an element
	// required says that the type wants it.
	required bool
	value    any
}

// spots lists the values of a document, below a struct by its fields.
func spots(t reflect.Type, v any, s spot) []spot {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s.typ, s.value = t, v
	list := []spot{s}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			typ, required := member(t, name)
			list = append(list, spots(typ, value, spot{path: s.path + "." + name, required: required,
				set: func(x any) { v[name] = x }, drop: func() { delete(v, name) }})...)
		}
	case []any:
		for i, value := range v {
			list = append(list, spots(t.Elem(), value, spot{path: s.path + "[]", set: func(x any) { v[i] = x }})...)
		}
	}
	slices.SortStableFunc(list, func(a, b spot) int { return strings.Compare(a.path, b.path) })
	return list
}

func member(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), false
	}
	for f := range t.Fields() {
		own, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if own == "" && f.Anonymous {
			if typ, required := member(f.Type, name); typ != nil {
				return typ, required
			}
		}
		if own == name {
			return f.Type, !strings.Contains(options, "omit")
		}
	}
	return nil, false
}

// change spoils a document in one place, in one of the ways that a schema can see, and says how.
func change(r *rand.Rand, m maker, list []spot) string {
	choices := slices.DeleteFunc(slices.Clone(list), func(s spot) bool {
		return len(m.words.choices[s.typ.Name()]) == 0 || strings.HasPrefix(s.path, ".status")
	})
	s := list[r.IntN(len(list))]
	inStatus := strings.HasPrefix(s.path, ".status")
	switch object, isObject := s.value.(map[string]any); r.IntN(4) {
	case 0:
		if isObject && s.typ.Kind() == reflect.Struct {
			object["zzz"] = "x"
			return "unknown field in " + s.path
		}
	case 1:
		if s.set != nil {
			var other any = []any{1}
			if _, isList := s.value.([]any); isList {
				other = "x"
			}
			s.set(other)
			return "wrong type at " + s.path
		}
	case 2:
		if s.required && !inStatus {
			s.drop()
			return "without " + s.path
		}
	case 3:
		if len(choices) > 0 {
			c := choices[r.IntN(len(choices))]
			c.set("Nonsense")
			return "no choice at " + c.path
		}
	}
	return ""
}

// Whatever Load accepts, the schema accepts; what is spoiled in a way that a schema can see, both refuse. A status is not
// looked at by Load, so only what Decode sees is spoiled there.
func TestTheSchemaAgreesWithTheDecoder(t *testing.T) {
	s, w := compile(t, schema.JSON()), readWords(t, "../salvor")
	accepted, spoiled := map[string]int{}, map[string]int{}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := maker{r, w}
		kind := salvor.Kinds()[r.IntN(len(salvor.Kinds()))]
		typ := reflect.TypeOf(salvor.New(kind)).Elem()
		object := m.object(typ).(map[string]any)
		object["apiVersion"], object["kind"] = salvor.APIVersion, kind
		document := marshal(t, object)
		loaded, err := salvor.Load(document, "")
		if err != nil {
			continue
		}
		accepted[kind]++
		if printed, err := salvor.Encode(loaded[0], salvor.FormatJSON); err != nil || validate(t, s, printed) != nil {
			t.Fatalf("seed %d: the schema refuses what Encode writes: %v, %v\n%s", seed, err, validate(t, s, printed), printed)
		}
		if err := validate(t, s, document); err != nil {
			t.Fatalf("seed %d: Load accepts and the schema refuses: %v\n%s", seed, err, document)
		}
		how := change(r, m, spots(typ, object, spot{}))
		if how == "" {
			continue
		}
		document = marshal(t, object)
		if _, err := salvor.Load(document, ""); err == nil {
			t.Errorf("seed %d, %s: Load accepts\n%s", seed, how, document)
		}
		if validate(t, s, document) == nil {
			t.Errorf("seed %d, %s: the schema accepts\n%s", seed, how, document)
		}
		spoiled[strings.Join(strings.Fields(how)[:2], " ")]++
	}
	t.Logf("accepted %v, spoiled %d ways", accepted, len(spoiled))
	for _, kind := range salvor.Kinds() {
		if accepted[kind] < 20 {
			t.Errorf("only %d documents of %s were accepted: the test makes too few good ones", accepted[kind], kind)
		}
	}
	for _, how := range []string{"unknown field", "wrong type", "without .spec", "no choice"} {
		if spoiled[how] < 10 {
			t.Errorf("only %d documents were spoiled by %q: %v", spoiled[how], how, spoiled)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
