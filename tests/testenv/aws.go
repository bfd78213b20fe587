package testenv

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// EKSServer is a Kubernetes cluster as one of EKS: AWS identities sign in to it, by an unmodified aws-iam-authenticator.
// The AWS that knows them is of this process, too.
type EKSServer struct {
	KubeServer
	AWS AWSServer `json:"aws"`
}

// AWSServer answers for STS and EKS, and enforces signatures, trust policies and permissions.
type AWSServer struct {
	Endpoint   string `json:"endpoint"` // http://127.0.0.1:port
	ClusterARN string `json:"clusterARN"`
	// The one user there is. It is of another account, and calls from another region, than the cluster's.
	UserARN   string `json:"userARN"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
	Region    string `json:"region"`
	Accounts  string `json:"accounts"` // file
	Entries   string `json:"entries"`  // file
}

// AWSRole is a role: who may assume it, and what it may do, as IAM's policy documents.
type AWSRole struct {
	ARN         string `json:"arn"`
	Trust       any    `json:"trust"`
	Permissions []any  `json:"permissions"`
}

// AWSCluster is a cluster that EKS tells of.
type AWSCluster struct {
	ARN      string `json:"arn"`
	Endpoint string `json:"endpoint"`
	CA       string `json:"ca"`
	Version  string `json:"version"`
	Status   string `json:"status,omitempty"`
	Private  bool   `json:"private,omitempty"`
}

// EKS returns this process's cluster of EKS. It is a control plane alone.
func EKS(t testing.TB) EKSServer {
	t.Helper()
	return eks(t, "eks")
}

// EKSWithNode returns another cluster of EKS, with a node that runs pods and has volumes, whose snapshots are pending for five
// seconds. It needs root.
func EKSWithNode(t testing.TB) EKSServer {
	t.Helper()
	k := eks(t, "eksnode", "--node", "--snapshots", "--snapshot-delay", "5s")
	k.Node = true
	return k
}

func eks(t testing.TB, name string, flags ...string) EKSServer {
	t.Helper()
	args := append([]string{"localkube", "up", "--name", serverName(name), "--iam"}, flags...)
	k := start[EKSServer](t, "localkube "+name, append(args, watch()...)...)
	if k.AWS.Endpoint == "" {
		t.Fatal("starting a server for the test: tools/run localkube up --iam named no AWS")
	}
	return k
}

// Env is the environment in which a program calls this AWS as its user.
func (a AWSServer) Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + a.AccessKey, "AWS_SECRET_ACCESS_KEY=" + a.SecretKey, "AWS_SESSION_TOKEN=", "AWS_REGION=" + a.Region,
		"AWS_ENDPOINT_URL_STS=" + a.Endpoint, "AWS_ENDPOINT_URL_EKS=" + a.Endpoint, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_PROFILE=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
}

// accountsFile is guarded by accountsLock: tests of one process change it.
var accountsLock sync.Mutex

type accountsFile struct {
	Users    json.RawMessage `json:"users"`
	Roles    []AWSRole       `json:"roles"`
	Clusters []AWSCluster    `json:"clusters"`
}

// PutRole makes or replaces a role.
func (a AWSServer) PutRole(t testing.TB, role AWSRole) {
	t.Helper()
	a.change(t, func(f *accountsFile) {
		for i := range f.Roles {
			if f.Roles[i].ARN == role.ARN {
				f.Roles[i] = role
				return
			}
		}
		f.Roles = append(f.Roles, role)
	})
}

// AddClusters adds clusters.
func (a AWSServer) AddClusters(t testing.TB, clusters ...AWSCluster) {
	t.Helper()
	a.change(t, func(f *accountsFile) { f.Clusters = append(f.Clusters, clusters...) })
}

// Cluster returns what EKS tells of this server's cluster.
func (k EKSServer) Cluster(t testing.TB) (found AWSCluster) {
	t.Helper()
	k.AWS.change(t, func(f *accountsFile) {
		for _, c := range f.Clusters {
			if c.ARN == k.AWS.ClusterARN {
				found = c
			}
		}
	})
	return found
}

func (a AWSServer) change(t testing.TB, change func(*accountsFile)) {
	t.Helper()
	accountsLock.Lock()
	defer accountsLock.Unlock()
	var f accountsFile
	readJSON(t, a.Accounts, &f)
	change(&f)
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	// At once: the server reads the file for each request.
	if err := os.WriteFile(a.Accounts+".test", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a.Accounts+".test", a.Accounts); err != nil {
		t.Fatal(err)
	}
}

// PutEntry maps a role or user to Kubernetes groups, as an access entry does; with no groups it takes the entry away.
// The cluster knows of it a little later.
func (a AWSServer) PutEntry(t testing.TB, principalARN string, groups ...string) {
	t.Helper()
	accountsLock.Lock()
	defer accountsLock.Unlock()
	var f struct {
		LastUpdatedDateTime string           `json:"LastUpdatedDateTime"`
		Roles               []map[string]any `json:"mapRoles"`
		Users               []map[string]any `json:"mapUsers"`
	}
	readJSON(t, a.Entries, &f)
	kind, list := "rolearn", &f.Roles
	if bytes.Contains([]byte(principalARN), []byte(":user/")) {
		kind, list = "userarn", &f.Users
	}
	kept := []map[string]any{}
	for _, e := range *list {
		if e[kind] != principalARN {
			kept = append(kept, e)
		}
	}
	if len(groups) > 0 {
		kept = append(kept, map[string]any{kind: principalARN, "username": principalARN, "groups": groups})
	}
	*list = kept
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	// In place: it is watched.
	if err := os.WriteFile(a.Entries, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Logs returns what all programs of the cluster have written.
func (k EKSServer) Logs(t testing.TB) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.Dir, "logs", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	var all bytes.Buffer
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}
