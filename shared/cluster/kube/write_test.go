package kube_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

var configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}
var deployments = cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}

// server returns a client of an API server that h plays.
func server(t *testing.T, h http.HandlerFunc) *kube.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refuse answers with a Status.
func refuse(w http.ResponseWriter, s metav1.Status) {
	s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	s.Status = metav1.StatusFailure
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(s.Code))
	json.NewEncoder(w).Encode(s)
}

type request struct{ Method, URL, ContentType, Body string }

func TestRequests(t *testing.T) {
	const marks = "?fieldManager=salvor&fieldValidation=Ignore"
	tests := map[string]struct {
		do   func(*kube.Client) error
		want request
	}{
		"get": {
			func(c *kube.Client) error {
				_, err := c.Get(t.Context(), configMaps, "shop", "a")
				return err
			},
			request{"GET", "/api/v1/namespaces/shop/configmaps/a", "", ""},
		},
		"create posts to the collection": {
			func(c *kube.Client) error {
				_, err := c.Create(t.Context(), deployments, "shop", []byte(`{"x":1}`))
				return err
			},
			request{"POST", "/apis/apps/v1/namespaces/shop/deployments" + marks, "application/json", `{"x":1}`},
		},
		"update": {
			func(c *kube.Client) error {
				_, err := c.Update(t.Context(), configMaps, "shop", "a", []byte(`{}`))
				return err
			},
			request{"PUT", "/api/v1/namespaces/shop/configmaps/a" + marks, "application/json", `{}`},
		},
		"update of the status": {
			func(c *kube.Client) error {
				_, err := c.Update(t.Context(), deployments, "shop", "a", []byte(`{}`), "status")
				return err
			},
			request{"PUT", "/apis/apps/v1/namespaces/shop/deployments/a/status" + marks, "application/json", `{}`},
		},
		"merge patch of the status": {
			func(c *kube.Client) error {
				_, err := c.Patch(t.Context(), deployments, "shop", "a", types.MergePatchType, []byte(`{}`), "status")
				return err
			},
			request{"PATCH", "/apis/apps/v1/namespaces/shop/deployments/a/status" + marks, "application/merge-patch+json", `{}`},
		},
		"delete of one identity": {
			func(c *kube.Client) error {
				return c.Delete(t.Context(), configMaps, "shop", "a", kube.DeleteOptions{UID: "u1", Propagation: metav1.DeletePropagationOrphan})
			},
			request{"DELETE", "/api/v1/namespaces/shop/configmaps/a", "application/json",
				`{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u1"},"propagationPolicy":"Orphan"}`},
		},
		"a name with a colon, as cluster roles have": {
			func(c *kube.Client) error {
				r := cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "clusterroles"}
				_, err := c.Get(t.Context(), r, "", "system:node")
				return err
			},
			request{"GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", "", ""},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got request
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = request{r.Method, r.URL.String(), r.Header.Get("Content-Type"), string(body)}
				fmt.Fprint(w, "{}")
			})
			if err := tt.do(c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBytesPassThrough(t *testing.T) {
	const object = `{"kind":"ConfigMap", "unknown" : 1e400}`
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, object)
	})
	got, err := c.Get(t.Context(), configMaps, "shop", "a")
	if err != nil || string(got) != object {
		t.Errorf("got %s, %v", got, err)
	}
}

// Without the guard an empty name would delete a whole collection.
func TestNamesThatReachElsewhere(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a request went out: %s %s", r.Method, r.URL)
	})
	for _, name := range []string{"", ".", "..", "a/b", "a%2fb"} {
		if err := c.Delete(t.Context(), configMaps, "shop", name, kube.DeleteOptions{}); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if err := c.Delete(t.Context(), configMaps, "", "a", kube.DeleteOptions{}); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("no namespace: got %v", err)
	}
}

func TestErrorsKeepTheirDetails(t *testing.T) {
	want := metav1.StatusDetails{Kind: "ConfigMap", Name: "a",
		Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: "data", Message: "too long"}}}
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Message: "ConfigMap a is invalid", Details: &want})
	})
	_, err := c.Create(t.Context(), configMaps, "shop", []byte(`{}`))
	if !apierrors.IsInvalid(err) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(&want, err.(apierrors.APIStatus).Status().Details); diff != "" {
		t.Error(diff)
	}
}

func TestBusyServerIsAskedAgain(t *testing.T) {
	for _, code := range []int{429, 503} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			var asked atomic.Int32
			var bodies []string
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(body))
				if asked.Add(1) < 3 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(code)
					return
				}
				fmt.Fprint(w, `{"ok":true}`)
			})
			got, err := c.Create(t.Context(), configMaps, "shop", []byte(`{"x":1}`))
			if err != nil || string(got) != `{"ok":true}` {
				t.Fatalf("got %s, %v", got, err)
			}
			if diff := cmp.Diff([]string{`{"x":1}`, `{"x":1}`, `{"x":1}`}, bodies); diff != "" {
				t.Errorf("every attempt has to send the whole body: %s", diff)
			}
		})
	}
}

func TestLostAnswerIsNotRepeated(t *testing.T) {
	var asked atomic.Int32
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Create(t.Context(), configMaps, "shop", []byte(`{}`)); err == nil {
		t.Error("a lost answer was taken for success")
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("a create was sent %d times", n)
	}
}
