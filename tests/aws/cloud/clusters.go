package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// Clusters is EKS and STS, in front of the cluster.
type Clusters struct {
	c *Cloud
	k *testenv.EKSServer
}

func newClusters(c *Cloud, k *testenv.EKSServer) *Clusters { return &Clusters{c, k} }

// serve hands a call to EKS or STS over. They check the signature once more.
func (s *Clusters) serve(w http.ResponseWriter, r *http.Request, one *call) {
	if s.k == nil {
		refuse(w, one.service, http.StatusNotFound, "ResourceNotFoundException", "No cluster found for "+r.URL.Path)
		return
	}
	target, err := url.Parse(s.k.AWS.Endpoint)
	if err != nil {
		refuse(w, one.service, http.StatusBadGateway, "Host", err.Error())
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host // it is signed
	}}
	proxy.ServeHTTP(w, r)
}

var filesMu sync.Mutex

// register makes the function's role known to AWS, as a session of it.
func (s *Clusters) register(d *deployed) {
	if s.k == nil {
		return
	}
	session := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", s.c.Stack.Account, s.roleName(d), d.Name)
	s.c.edit(s.k.AWS.Accounts, func(file map[string]any) {
		users, _ := file["users"].([]any)
		file["users"] = append(users, map[string]any{"arn": session, "accessKey": d.key.access, "secretKey": d.key.secret})
	})
}

func (s *Clusters) roleName(d *deployed) string {
	arn := s.c.arn(d.Role)
	return arn[strings.LastIndex(arn, "/")+1:]
}

// Entry makes an access entry for the function's role, with the groups, and waits until the cluster knows it.
// https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
func (s *Clusters) Entry(logical string, groups ...string) {
	s.c.t.Helper()
	d := s.c.functions[logical]
	s.k.AWS.PutEntry(s.c.t, s.c.arn(d.Role), groups...)
	config := s.c.config(d.key.access, d.key.secret)
	config.BaseEndpoint = &s.k.AWS.Endpoint
	rest, err := eks.New(config, time.Now).Config(s.c.t.Context(), salvor.EKSCluster{ARN: s.k.AWS.ClusterARN})
	if err != nil {
		s.c.t.Fatal(err)
	}
	client, err := kube.New(rest)
	if err != nil {
		s.c.t.Fatal(err)
	}
	s.c.Eventually("the cluster knows the role of "+logical, func() bool {
		_, err := client.Version(s.c.t.Context())
		if err != nil {
			s.c.log("cluster", err.Error())
		}
		return err == nil
	})
}

// edit changes a JSON file that another process reads whenever it likes.
func (c *Cloud) edit(path string, change func(map[string]any)) {
	c.t.Helper()
	filesMu.Lock()
	defer filesMu.Unlock()
	data, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		c.t.Fatal(err)
	}
	change(file)
	if data, err = json.Marshal(file); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path+".cloud", data, 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(path+".cloud", path); err != nil {
		c.t.Fatal(err)
	}
}
