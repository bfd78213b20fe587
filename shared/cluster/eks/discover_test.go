package eks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

// All pages of all regions are read, and a cluster that goes meanwhile is no error.
func TestClusters(t *testing.T) {
	w := newWorld(t)
	var page atomic.Int32
	w.answer = func(rw http.ResponseWriter, action string) bool {
		switch {
		case action == "GET /clusters":
			n := page.Add(1)
			body := map[string]any{"clusters": []string{fmt.Sprintf("c%d", n), "gone"}}
			if n%2 == 1 {
				body["nextToken"] = "more"
			}
			json.NewEncoder(rw).Encode(body)
			return true
		case strings.HasSuffix(action, "gone"):
			refuse(rw, action, 404, "ResourceNotFoundException", "no such cluster")
			return true
		}
		return false
	}
	found, err := w.access().Clusters(t.Context(), "eu-central-1", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range found {
		names = append(names, c.Name)
		if c.Account != "111122223333" || c.Version != "1.36" {
			t.Errorf("got %+v", c)
		}
	}
	if got := strings.Join(names, " "); got != "c1 c2 c3 c4" {
		t.Errorf("found %s", got)
	}
	w.answer = func(rw http.ResponseWriter, action string) bool {
		refuse(rw, action, 403, "AccessDeniedException", "not authorized to perform: eks:ListClusters")
		return true
	}
	if _, err := w.access().Clusters(t.Context(), "eu-central-1"); !salvor.Is(err, salvor.Forbidden) || !strings.Contains(err.Error(), "eks:ListClusters") {
		t.Errorf("got %v", err)
	}
}
