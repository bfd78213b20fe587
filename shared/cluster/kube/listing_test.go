package kube_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
)

func read(r io.Reader) (items []cluster.Item, result cluster.ListResult, err error) {
	result, err = kube.ReadList(r, func(i cluster.Item) error {
		i.Raw = bytes.Clone(i.Raw)
		items = append(items, i)
		return nil
	})
	return items, result, err
}

func TestReadList(t *testing.T) {
	tests := map[string]struct {
		list   string
		items  []cluster.Item
		result cluster.ListResult
	}{
		"built-in kinds leave out the type of items": {
			list:   `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc","remainingItemCount":3},"items":[{"metadata":{"name":"a","namespace":"n"},"data":{"k":"}]\"{["}},{"metadata":{"name":"b","namespace":"n"}}]}` + "\n",
			items:  []cluster.Item{{Namespace: "n", Name: "a", Raw: []byte(`{"metadata":{"name":"a","namespace":"n"},"data":{"k":"}]\"{["}}`)}, {Namespace: "n", Name: "b", Raw: []byte(`{"metadata":{"name":"b","namespace":"n"}}`)}},
			result: cluster.ListResult{Revision: "7", Continue: "abc", Remaining: 3, Items: 2},
		},
		"custom resources have sorted keys, their type, and the list's metadata after the items": {
			list:   `{"apiVersion":"x/v1","items":[{"aaa":1,"apiVersion":"x/v1","kind":"X","metadata":{"annotations":{"name":"no"},"name":"c"}}],"kind":"XList","metadata":{"resourceVersion":"9"}}`,
			items:  []cluster.Item{{Name: "c", HasType: true, Raw: []byte(`{"aaa":1,"apiVersion":"x/v1","kind":"X","metadata":{"annotations":{"name":"no"},"name":"c"}}`)}},
			result: cluster.ListResult{Revision: "9", Items: 1},
		},
		"a name with escapes is decoded": {
			list:   `{"items":[{"metadata":{"name":"a\u003cb\\"}}],"metadata":{"resourceVersion":"1"}}`,
			items:  []cluster.Item{{Name: `a<b\`, Raw: []byte(`{"metadata":{"name":"a\u003cb\\"}}`)}},
			result: cluster.ListResult{Revision: "1", Items: 1},
		},
		"white space between tokens is passed over": {
			list:   "{ \"metadata\" : { \"resourceVersion\" : \"1\" } ,\n \"items\" : [ { \"metadata\" : { \"name\" : \"a\" } } ] }",
			items:  []cluster.Item{{Name: "a", Raw: []byte(`{ "metadata" : { "name" : "a" } }`)}},
			result: cluster.ListResult{Revision: "1", Items: 1},
		},
		"null items are none":  {list: `{"metadata":{"resourceVersion":"1"},"items":null}`, result: cluster.ListResult{Revision: "1"}},
		"empty items are none": {list: `{"metadata":{"resourceVersion":"1"},"items":[]}`, result: cluster.ListResult{Revision: "1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{"whole": strings.NewReader(tt.list), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.list))} {
				items, result, err := read(r)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				tt.result.Bytes = result.Bytes
				if d := cmp.Diff(tt.items, items); d != "" {
					t.Errorf("%s: items (-want +got):\n%s", kind, d)
				}
				if d := cmp.Diff(tt.result, result); d != "" {
					t.Errorf("%s: result (-want +got):\n%s", kind, d)
				}
			}
		})
	}
}

func TestReadListCutOffAnywhereIsAnError(t *testing.T) {
	list := `{"kind":"L","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"n":[1,2.5,true,null]}]}`
	for n := range len(list) {
		if _, _, err := read(strings.NewReader(list[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut off after %d bytes: got %v, want unexpected EOF", n, err)
		}
	}
}

func TestReadListTellsAnEmptyListFromNoList(t *testing.T) {
	for _, answer := range []string{`{}`, `{"kind":"Status","status":"Success"}`, `{"metadata":{"resourceVersion":"7"}}`} {
		if _, _, err := read(strings.NewReader(answer)); err == nil || !strings.Contains(err.Error(), "no items") {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestReadListKeepsLargeObjectsWhole(t *testing.T) {
	big := `{"metadata":{"name":"big"},"data":"` + strings.Repeat("x", 3<<20) + `"}`
	items, _, err := read(iotest.HalfReader(strings.NewReader(`{"items":[` + big + `,` + big + `],"metadata":{}}`)))
	if err != nil || len(items) != 2 || string(items[1].Raw) != big {
		t.Fatalf("got %d items, error %v", len(items), err)
	}
}

func TestReadListRefusesAnObjectBeyondTheLimit(t *testing.T) {
	huge := `{"items":[{"data":"` + strings.Repeat("x", 20<<20)
	if _, _, err := read(strings.NewReader(huge)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Fatalf("got %v", err)
	}
}

// FuzzReadList holds readList against encoding/json on whatever is a valid list.
func FuzzReadList(f *testing.F) {
	f.Add([]byte(`{"kind":"L","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a","namespace":"b"},"x":"\\\""}]}`))
	f.Add([]byte(`{"items":[{"apiVersion":"v1","metadata":{"name":"\u00e4"}}],"metadata":{"continue":"c"}}`))
	f.Add([]byte(`{"items":[1,{}],"metadata":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, _, err := read(iotest.OneByteReader(bytes.NewReader(data)))
		if err != nil || !json.Valid(data) {
			return
		}
		var want struct {
			Items []json.RawMessage `json:"items"`
		}
		if json.Unmarshal(data, &want) != nil || bytes.Count(data, []byte(`tems`)) != 1 || !bytes.Contains(data, []byte(`"items"`)) {
			return // several spellings of one key are beyond what a server sends
		}
		if len(items) != len(want.Items) {
			t.Fatalf("got %d items, encoding/json finds %d", len(items), len(want.Items))
		}
		for i := range items {
			if !bytes.Equal(items[i].Raw, want.Items[i]) {
				t.Errorf("item %d: got %s, encoding/json finds %s", i, items[i].Raw, want.Items[i])
			}
		}
	})
}

func BenchmarkReadList(b *testing.B) {
	var list bytes.Buffer
	list.WriteString(`{"kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[`)
	for i := range 500 {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(`{"metadata":{"name":"object","namespace":"ns","uid":"1c2e5b5e-5b0e-4d0e-9b0e-5b0e4d0e9b0e","resourceVersion":"1234","managedFields":[{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{"a":"` + strings.Repeat("y", 1024) + `"}}`)
	}
	list.WriteString(`]}`)
	b.SetBytes(int64(list.Len()))
	for b.Loop() {
		if _, err := kube.ReadList(bytes.NewReader(list.Bytes()), func(cluster.Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
