package salvor_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Texts that notations are known to lose.
var awkward = []string{
	"plain", "yes", "NO", "on", "null", "~", "true", "0123", "0o17", "0x1F", "1_000", "1e3", ".5", ".inf", "12:30:45", "2026-11-20", "2026-11-20T02:00:00Z",
	" leading", "trailing ", "a: b", "- a", "#", "a #b", "&a", "*a", "!a", "%a", "@a", "`a", "{", "[", "|", ">", "'", `"`, `\`, "=", "<<", "---", "...",
	"a\nb", "a\n", "\na", "\n", "a\n\n", "  a\nb", "\ta\nb", "a\r\nb", "a\rb", "\t", "tab\tin", "\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffe", "ä", "😀",
	"sync && echo <done> > /dev/null", strings.Repeat("long ", 50), "for f in *; do\n  echo $f\n\n  done # x\n",
}

// fill sets every field of v to something other than its zero value.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case metav1.Time:
		v.Set(reflect.ValueOf(metav1.NewTime(time.Unix(1+r.Int64N(250_000_000_000), 0))))
		return
	case metav1.MicroTime:
		v.Set(reflect.ValueOf(metav1.NewMicroTime(time.UnixMicro(1 + r.Int64N(250_000_000_000_000_000)))))
		return
	case resource.Quantity:
		v.Set(reflect.ValueOf(*resource.NewQuantity(1+r.Int64N(1<<62), resource.BinarySI)))
		return
	case metav1.Duration:
		v.Set(reflect.ValueOf(metav1.Duration{Duration: time.Duration(1 + r.Int64N(1<<60))}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 3))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 3 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, key)
			fill(r, value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(awkward[r.IntN(len(awkward))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(1 + r.Int64N(1<<30))
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<62))
	default:
		panic("fill does not know " + v.Type().String())
	}
}

func TestRoundTripLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, kind := range salvor.Kinds() {
		for range 25 {
			want := salvor.New(kind)
			fill(r, reflect.ValueOf(want).Elem())
			meta := reflect.ValueOf(want).Elem().FieldByName("TypeMeta")
			meta.Set(reflect.ValueOf(salvor.New(kind)).Elem().FieldByName("TypeMeta"))
			for _, f := range []salvor.Format{salvor.FormatYAML, salvor.FormatJSON} {
				data, err := salvor.Encode(want, f)
				if err != nil {
					t.Fatalf("%s as %s: %v", kind, f, err)
				}
				got, err := salvor.Decode(data, "it")
				if err != nil || len(got) != 1 {
					t.Fatalf("%s as %s gives %d objects and %v\n%s", kind, f, len(got), err, data)
				}
				if diff := cmp.Diff(want, got[0]); diff != "" {
					t.Fatalf("%s as %s (-want +got):\n%s\n%s", kind, f, diff, data)
				}
				again, err := salvor.Encode(got[0], f)
				if err != nil || string(again) != string(data) {
					t.Fatalf("%s as %s is written otherwise the second time: %v", kind, f, err)
				}
			}
		}
	}
}

func TestEncodeIsReadable(t *testing.T) {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Spec.Cluster, b.Spec.Location = "b", "c", "l"
	b.Spec.Timeout.Duration = 90 * time.Minute
	b.Labels = map[string]string{"note": "a && b\nc\n"}
	for f, want := range map[salvor.Format]string{
		salvor.FormatYAML: `apiVersion: salvor.io/v1
kind: Backup
metadata:
  name: b
  labels:
    note: |
      a && b
      c
spec:
  cluster: c
  location: l
  scope: {}
  timeout: 1h30m0s
`,
		salvor.FormatJSON: `{
  "apiVersion": "salvor.io/v1",
  "kind": "Backup",
  "metadata": {
    "name": "b",
    "labels": {
      "note": "a && b\nc\n"
    }
  },
  "spec": {
    "cluster": "c",
    "location": "l",
    "scope": {},
    "timeout": "1h30m0s"
  }
}
`} {
		got, err := salvor.Encode(b, f)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f, diff)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := salvor.Encode(salvor.New(salvor.KindRule), "xml"); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("an unknown format gives %v", err)
	}
	if _, err := salvor.Encode(&salvor.Rule{}, salvor.FormatJSON); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("an object without a kind gives %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, kind := range salvor.Kinds() {
		o := salvor.New(kind)
		fill(r, reflect.ValueOf(o).Elem().FieldByName("Spec"))
		o.Meta().Name = "a"
		for _, format := range []salvor.Format{salvor.FormatYAML, salvor.FormatJSON} {
			data, err := salvor.Encode(o, format)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, s := range examples {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Join(examples, "\n---\n")))
	f.Add([]byte(head + "spec: {subRules: [{podSelectors: [&a {matchLabels: {a: b}}, *a], actions: [{shell: |-\n a\n}]}]}\n---\n---\nkind: x"))
	f.Add([]byte(head + "spec: {subRules: [{podSelectors: [{}], actions: [{<<: {shell: a}, timeout: 5s}]}]}"))
	f.Add([]byte(head + "spec: {subRules: [{podSelectors: 1, actions: [null, {shell: sync, shell: 2}]}], x: &b {y: *b}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := salvor.Decode(data, "it")
		if _, loadErr := salvor.Load(data, "it"); err != nil && loadErr == nil {
			t.Errorf("what is refused with %v is loaded", err)
		}
		if err != nil {
			if !salvor.Is(err, salvor.Invalid) || objects != nil {
				t.Errorf("%d objects and %v", len(objects), err)
			}
			return
		}
		for _, o := range objects {
			o.Default()
			if len(o.Validate()) > 0 {
				continue
			}
			for _, format := range []salvor.Format{salvor.FormatYAML, salvor.FormatJSON} {
				again, err := salvor.Encode(o, format)
				if err != nil {
					t.Fatal(err)
				}
				got, err := salvor.Decode(again, "it")
				if err != nil || len(got) != 1 {
					t.Fatalf("%d objects and %v from\n%s", len(got), err, again)
				}
				if diff := cmp.Diff(o, got[0], cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s\n%s", format, diff, again)
				}
			}
		}
	})
}
