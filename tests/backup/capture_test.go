package backup_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/salvor"
)

// get reads a path of the API server by net/http alone.
func get(t testing.TB, cfg *rest.Config, path string) []byte {
	t.Helper()
	cert, err := tls.X509KeyPair(cfg.CertData, cfg.KeyData)
	if err != nil {
		t.Fatal(err)
	}
	tlsConfig, err := rest.TLSConfigFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tlsConfig.Certificates = []tls.Certificate{cert}
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig}}
	resp, err := h.Get(cfg.Host + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v", path, resp.Status, err)
	}
	return body
}

func TestObjectsAreStoredByteForByte(t *testing.T) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	defineWidgets(t, c)
	ns := namespace(t, c)
	create(t, c, configMaps, ns, "unicode", `"data":{"k":"äöü \u003c€😀\"\\}]{["},"binaryData":{"b":"AAEC/w=="}`)
	create(t, c, secrets, ns, "large", `"data":{"k":"`+strings.Repeat("QUJD", 200_000)+`"}`)
	create(t, c, widgets, ns, "w", `"spec":{"int":9007199254740993,"float":1.50,"deep":{"a":[1,[2,{"b":null}]]}}`)

	s := testSite(t, c)
	b, m := s.backUp(t, "bytes", salvor.Scope{Namespaces: []string{ns}})
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("phase %s: %s", b.Status.Phase, b.Status.Message)
	}
	stored := s.stored(t, m)
	cfg := config(t, k.Kubeconfig)
	// A list at the same revision, split by encoding/json into raw items, is what has to be in the backup.
	for path, want := range map[string]struct{ kind, header string }{
		"/api/v1/namespaces/" + ns + "/configmaps":           {"configmaps", `{"apiVersion":"v1","kind":"ConfigMap",`},
		"/api/v1/namespaces/" + ns + "/secrets":              {"secrets", `{"apiVersion":"v1","kind":"Secret",`},
		"/api/v1/namespaces/" + ns + "/serviceaccounts":      {"serviceaccounts", `{"apiVersion":"v1","kind":"ServiceAccount",`},
		"/apis/example.org/v1/namespaces/" + ns + "/widgets": {"widgets.example.org", ""},
	} {
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal(get(t, cfg, path+"?resourceVersion="+m.Revision+"&resourceVersionMatch=Exact"), &list); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, raw := range list.Items {
			var o struct{ Metadata struct{ Name string } }
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			if o.Metadata.Name == "kube-root-ca.crt" {
				continue
			}
			if want.header != "" {
				raw = append([]byte(want.header), raw[1:]...)
			}
			key := want.kind + " " + ns + "/" + o.Metadata.Name
			if !bytes.Equal(stored[key], raw) {
				t.Errorf("%s: stored\n%.300s\nthe API server returned\n%.300s", key, stored[key], raw)
			}
			found++
		}
		if found == 0 {
			t.Errorf("%s: nothing to compare", path)
		}
	}
	for _, key := range []string{"namespaces /" + ns, "customresourcedefinitions.apiextensions.k8s.io /widgets.example.org"} {
		if stored[key] == nil {
			t.Errorf("%s is not in the backup", key)
		}
	}
	if stored["configmaps "+ns+"/kube-root-ca.crt"] != nil {
		t.Error("kube-root-ca.crt is in the backup")
	}
	v, err := s.repo.Verify(t.Context(), "bytes", b.Status.RootDigest, nil)
	if err != nil || len(v.Problems) > 0 || v.Objects != m.Totals.Objects {
		t.Errorf("verify: %+v, %v", v, err)
	}
}
