package eks_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

const externalID = "the-external-id-of-the-tests"

// assumable makes a role that the user may assume with the external id, by the template, and maps it to the groups.
func assumable(t *testing.T, k testenv.EKSServer, groups ...string) salvor.EKSCluster {
	t.Helper()
	role := roleARN()
	_, name, _ := strings.Cut(role, ":role/")
	_, clusterName, _ := strings.Cut(k.AWS.ClusterARN, ":cluster/")
	deploy(t, k, map[string]string{"ClusterName": clusterName, "RolePath": "/", "RoleName": name, "TrustedPrincipals": k.AWS.UserARN,
		"ExternalId": externalID, "AccessEntry": "no"})
	k.AWS.PutEntry(t, role, groups...)
	return salvor.EKSCluster{ARN: k.AWS.ClusterARN, RoleARN: role, ExternalID: externalID}
}

// signIn connects as an adapter of EKS does.
func signIn(t *testing.T, config aws.Config, spec salvor.EKSCluster) (*kube.Client, error) {
	t.Helper()
	c, err := eks.New(config, time.Now).Config(t.Context(), spec)
	if err != nil {
		return nil, err
	}
	return kube.New(c)
}

// Whoever is not to get in is told which it is.
func TestWhoIsRefusedIsToldWhy(t *testing.T) {
	k := testenv.EKS(t)
	config := configOf(t, k)
	good := assumable(t, k, "salvor-backup")
	client, err := signIn(t, config, good)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mapped role to be known", func() bool { _, err := client.Version(t.Context()); return err == nil })

	other := good
	other.ARN += "x"
	outside := good
	outside.ExternalID = "another-external-id"
	unmapped := assumable(t, k)
	wrong := config.Copy()
	wrong.Credentials = credentials.NewStaticCredentialsProvider(k.AWS.AccessKey, "a-wrong-secret", "")
	for name, tt := range map[string]struct {
		config aws.Config
		spec   salvor.EKSCluster
		code   salvor.Code
		says   []string
	}{
		"a wrong cluster id":                    {config, other, salvor.Forbidden, []string{"may not describe", other.ARN}}, // its role is for one cluster
		"a wrong cluster id, without a role":    {config, salvor.EKSCluster{ARN: "arn:aws:eks:us-east-1:111122223333:cluster/ghost"}, salvor.NotFound, []string{`no EKS cluster "ghost" in us-east-1 of account 111122223333`}},
		"a cluster of another account, no role": {config, salvor.EKSCluster{ARN: k.AWS.ClusterARN}, salvor.NotFound, []string{"no EKS cluster", "444455556666"}},
		"a wrong secret":                        {wrong, good, salvor.Unauthorized, []string{"SignatureDoesNotMatch", "credentials in use are wrong"}},
		"a wrong external id":                   {config, outside, salvor.Forbidden, []string{good.RoleARN, "with the external id of the Cluster", "AccessDenied"}},
		"no external id":                        {config, salvor.EKSCluster{ARN: good.ARN, RoleARN: good.RoleARN}, salvor.Forbidden, []string{"without an external id"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signIn(t, tt.config, tt.spec)
			if !salvor.Is(err, tt.code) {
				t.Fatalf("got %s: %v, want %s", salvor.CodeOf(err), err, tt.code)
			}
			says(t, err.Error(), tt.says...)
			silent(t, err.Error())
		})
	}
	t.Run("an unmapped role", func(t *testing.T) {
		client, err := signIn(t, config, unmapped)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Version(t.Context())
		if !apierrors.IsUnauthorized(err) {
			t.Fatalf("got %v, want a 401", err)
		}
		says(t, err.Error(), "does not know arn:aws:sts::444455556666:assumed-role/", "no access entry", "--principal-arn "+unmapped.RoleARN)
		silent(t, err.Error())
	})
}

// The cluster itself refuses what is wrong, by its authenticator: the messages above are not all that keeps one out.
func TestTheClusterRefusesTokens(t *testing.T) {
	k := testenv.EKS(t)
	k.AWS.PutEntry(t, k.AWS.UserARN, "salvor-backup")
	t.Cleanup(func() { k.AWS.PutEntry(t, k.AWS.UserARN) })
	_, id, _ := strings.Cut(k.AWS.ClusterARN, ":cluster/")
	status := func(cluster, region, secret string) int {
		t.Helper()
		generator, err := token.NewGenerator(false, false)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := generator.GetWithSTS(cluster, sts.New(sts.Options{Region: region, Credentials: credentials.NewStaticCredentialsProvider(k.AWS.AccessKey, secret, "")}))
		if err != nil {
			t.Fatal(err)
		}
		return get(t, k, signed.Token)
	}
	eventually(t, "the mapped user to be known", func() bool { return status(id, "eu-central-1", k.AWS.SecretKey) == http.StatusOK })
	for name, got := range map[string]int{
		"the id of another cluster": status(id+"x", "eu-central-1", k.AWS.SecretKey),
		"a wrong secret":            status(id, "eu-central-1", k.AWS.SecretKey+"x"),
		"no token at all":           get(t, k, "k8s-aws-v1.nonsense"),
	} {
		if got != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", name, got)
		}
	}
	if got := status(id, "us-west-2", k.AWS.SecretKey); got != http.StatusOK {
		t.Errorf("a token by way of STS in another region: status %d", got)
	}
}

// get asks the API server for its version with a token.
func get(t *testing.T, k testenv.EKSServer, token string) int {
	t.Helper()
	config := &rest.Config{Host: k.Server, TLSClientConfig: rest.TLSClientConfig{CAData: []byte(k.Cluster(t).CA)}, BearerToken: token}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Get(k.Server + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// watcher remembers, as digests, the tokens that went by, and lets none through twice that was replaced.
type watcher struct {
	base http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(req.Header.Get("Authorization"))))
	w.mu.Lock()
	if len(w.seen) == 0 || w.seen[len(w.seen)-1] != sum {
		w.seen = append(w.seen, sum)
	}
	w.mu.Unlock()
	return w.base.RoundTrip(req)
}

// A run that lasts longer than a token: the clock of the sign-in goes a minute further with each look at it.
func TestATokenIsRenewedWithinABackup(t *testing.T) {
	k := testenv.EKS(t)
	applyRights(t, k)
	ns := fill(t, k, 40)
	config, spec := configOf(t, k), assumable(t, k, "salvor-backup")
	// Each time the credentials are asked for the role is assumed anew, so that two tokens of one second differ.
	caller := sts.NewFromConfig(config)
	config.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		return stscreds.NewAssumeRoleProvider(caller, spec.RoleARN, func(o *stscreds.AssumeRoleOptions) { o.ExternalID = aws.String(externalID) }).Retrieve(ctx)
	})
	var mu sync.Mutex
	clock := time.Now()
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		clock = clock.Add(time.Minute)
		return clock
	}
	connection, err := eks.New(config, now).Config(t.Context(), salvor.EKSCluster{ARN: spec.ARN})
	if err != nil {
		t.Fatal(err)
	}
	seen := &watcher{}
	inner := connection.WrapTransport
	connection.WrapTransport = func(base http.RoundTripper) http.RoundTripper {
		seen.base = base
		return inner(seen)
	}
	client, err := kube.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the role to be known", func() bool { _, err := client.Version(t.Context()); return err == nil })

	b := backUp(t, client, ns)
	if b.Status.Phase != salvor.PhaseCompleted || b.Status.Progress.Objects < 41 {
		t.Errorf("the backup is %s with %d objects: %v", b.Status.Phase, b.Status.Progress.Objects, b.Status.Failures)
	}
	if len(seen.seen) < 5 {
		t.Errorf("%d tokens were used, want many", len(seen.seen))
	}
	// Exec signs in by another way of client-go.
	err = client.Exec(t.Context(), cluster.ExecRequest{Namespace: ns, Pod: "missing", Container: "c", Command: []string{"true"}})
	if !apierrors.IsNotFound(err) {
		t.Errorf("exec in a pod that isn't there: %v", err)
	}
	silent(t, k.Logs(t))
}

// backUp makes a backup of the namespace with the real engine.
func backUp(t *testing.T, client *kube.Client, ns string) *salvor.Backup {
	t.Helper()
	catalog, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = catalog.Close() })
	loc, err := dir.Open(t.Context(), filepath.Join(t.TempDir(), "location"), dir.Options{Create: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []salvor.Object{
		&salvor.Cluster{ObjectMeta: salvor.ObjectMeta{Name: "prod"}, Spec: salvor.ClusterSpec{EKS: &salvor.EKSCluster{}}},
		&salvor.BackupLocation{ObjectMeta: salvor.ObjectMeta{Name: "disk"}, Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: "/"}}},
	} {
		o.Default()
		if err := catalog.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	e := &backup.Engine{Catalog: catalog, Now: time.Now, Holder: t.Name(), CatalogID: "eks", Tuning: backup.Tuning{PageSize: 5, FixedPages: true},
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) { return &backup.Site{Cluster: client}, nil },
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
			return repository.New(loc, "prod"), nil
		}}
	b := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: "b"}, Spec: salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{ns}}}}
	b.Default()
	if b, _, err = e.Begin(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if b, err = e.Run(t.Context(), b.ID()); err != nil {
		t.Fatal(err)
	}
	return b
}
