package schema_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// defaults are the values that Default fills in, by type and field. What is not always the same, such as a number
// that counts, is no default.
func defaults(t *testing.T) map[string]map[string]any {
	t.Helper()
	seen := map[string]map[string][]any{}
	for _, kind := range salvor.Kinds() {
		o := salvor.New(kind)
		fill(reflect.ValueOf(o).Elem())
		o.Default()
		collect(t, reflect.ValueOf(o).Elem(), seen)
	}
	known := map[string]map[string]any{}
	for typ, fields := range seen {
		known[typ] = map[string]any{}
		for name, values := range fields {
			if same(values) && values[0] != nil {
				known[typ][name] = values[0]
			}
		}
	}
	return known
}

// fill gives every list two elements and every part that may be left out, so that Default finds what it can fill in.
func fill(v reflect.Value) {
	switch {
	case v.Type().PkgPath() != wordsPackage && v.Kind() == reflect.Struct:
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Status" {
				fill(v.Field(i))
			}
		}
	case v.Kind() == reflect.Pointer && v.Type().Elem().PkgPath() == wordsPackage:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem().PkgPath() == wordsPackage && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	}
}

// collect notes the value of every field; nil for one that is left out.
func collect(t *testing.T, v reflect.Value, seen map[string]map[string][]any) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collect(t, v.Elem(), seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collect(t, v.Index(i), seen)
		}
	case reflect.Struct:
		typ := v.Type()
		if typ.PkgPath() != wordsPackage || typ == reflect.TypeFor[salvor.TypeMeta]() {
			return
		}
		if seen[typ.Name()] == nil {
			seen[typ.Name()] = map[string][]any{}
		}
		for i := range v.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Name == "Status" {
				continue
			}
			seen[typ.Name()][name] = append(seen[typ.Name()][name], plainValue(t, v.Field(i)))
			collect(t, v.Field(i), seen)
		}
	}
}

// plainValue is a text, number or truth value as a user writes it; nil for one that is left out, and for all else.
func plainValue(t *testing.T, v reflect.Value) any {
	t.Helper()
	if v.IsZero() {
		return nil
	}
	if d, ok := v.Interface().(metav1.Duration); ok {
		text := d.Duration.String()
		for _, none := range []string{"m0s", "h0m"} {
			if short, ok := strings.CutSuffix(text, none); ok {
				text = short + none[:1]
			}
		}
		return text
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		data, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		return plain
	}
	return nil
}

func same(values []any) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}
