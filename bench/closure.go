package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// What the benchmark of closures has in its namespace: applications of ten objects each.
const (
	applications = 2000
	perApp       = 10
)

// application is the i-th object of an application: only its Deployment is labelled as such, and the other nine are found
// by what refers to what.
func application(ns string, app, i int, random *rand.Rand) object {
	name := fmt.Sprintf("app-%04d", app)
	at := func(group, plural string) string { return group + "/namespaces/" + ns + "/" + plural }
	switch i {
	case 0:
		return object{at("/apis/apps/v1", "deployments"), fmt.Appendf(nil, `{"metadata":{"name":%q,"labels":{"app":%[1]q}},"spec":{"replicas":0,"selector":{"matchLabels":{"pod":%[1]q}},
			"template":{"metadata":{"labels":{"pod":%[1]q}},"spec":{"serviceAccountName":%[1]q,"containers":[{"name":"c","image":"example.org/c","envFrom":[{"configMapRef":{"name":"%[1]s-0"}},{"secretRef":{"name":"%[1]s-0"}}]}],
			"volumes":[{"name":"v","configMap":{"name":"%[1]s-1"}},{"name":"w","secret":{"secretName":"%[1]s-1"}}]}}}}`, name)}
	case 1:
		return object{at("/api/v1", "services"), fmt.Appendf(nil, `{"metadata":{"name":%q},"spec":{"clusterIP":"None","selector":{"pod":%[1]q},"ports":[{"port":80}]}}`, name)}
	case 2:
		return object{at("/apis/networking.k8s.io/v1", "ingresses"), fmt.Appendf(nil, `{"metadata":{"name":%q},"spec":{"rules":[{"host":"%[1]s.example.org","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":%[1]q,"port":{"number":80}}}}]}}]}}`, name)}
	case 3:
		return object{at("/api/v1", "serviceaccounts"), fmt.Appendf(nil, `{"metadata":{"name":%q}}`, name)}
	case 4:
		return object{at("/apis/rbac.authorization.k8s.io/v1", "rolebindings"), fmt.Appendf(nil, `{"metadata":{"name":%q},"subjects":[{"kind":"ServiceAccount","name":%[1]q}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":%[1]q}}`, name)}
	case 5:
		return object{at("/apis/rbac.authorization.k8s.io/v1", "roles"), fmt.Appendf(nil, `{"metadata":{"name":%q},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]}`, name)}
	case 6, 7:
		return configMap(ns, fmt.Sprintf("%s-%d", name, i-6), kib, random)
	default:
		return secret(ns, fmt.Sprintf("%s-%d", name, i-8), kib, random)
	}
}

// benchClosure compares, in turn, the bare list of all kinds of a namespace of 20,000 objects with the backup of one of its
// applications by one label: all that reads what is needed, finds what is needed of it, and stores that.
func benchClosure(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "closure")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	b.say("closure: creating %d objects", applications*perApp)
	if err := makeNamespaces(ctx, client, "bench"); err != nil {
		return nil, err
	}
	err = create(ctx, client, applications*perApp, func(i int, random *rand.Rand) object {
		return application("bench", i/perApp, i%perApp, random)
	})
	if err != nil {
		return nil, err
	}
	paths, err := collections(ctx, config, "bench")
	if err != nil {
		return nil, err
	}
	r := &closureRounds{paths: paths}
	if err := r.round(ctx, b, config, client, 0); err != nil { // nobody counts a warm-up
		return nil, err
	}
	*r = closureRounds{paths: paths}
	stop, err := b.startProfile()
	if err != nil {
		return nil, err
	}
	defer stop()
	for i := range b.rounds {
		if err := r.round(ctx, b, config, client, i+1); err != nil {
			return nil, err
		}
	}
	return []Result{
		info("closure/objects-listed", r.objects, "objects"),
		info("closure/list", r.list, "s"),
		info("closure/list-parallel-at-one-revision", r.parallel, "s"),
		info("closure/backup-of-one-application", r.backup, "s"),
		info("closure/objects-taken", r.taken, "objects"),
		atMost(1.1, "closure/backup-to-list", ratios(r.backup, r.list), "x"),
		info("closure/backup-to-list-parallel-at-one-revision", ratios(r.backup, r.parallel), "x"),
	}, nil
}

// collections are the paths of all kinds that the namespace may have and a backup reads.
func collections(ctx context.Context, config *rest.Config, ns string) ([]string, error) {
	c, err := kube.New(config)
	if err != nil {
		return nil, err
	}
	d, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, r := range d.Resources {
		if r.Namespaced && r.Can("list") && r.Can("create") && r.Name != "events" && !strings.HasPrefix(r.Name, "lease") {
			paths = append(paths, r.Path(ns, ""))
		}
	}
	return paths, nil
}

type closureRounds struct {
	paths                                  []string
	list, parallel, backup, objects, taken []float64
}

// listAtOnce lists all kinds at one revision, as many at once as a backup does.
func (r *closureRounds) listAtOnce(ctx context.Context, client *rest.RESTClient) error {
	var list metav1.PartialObjectMetadataList
	data, err := client.Get().AbsPath("/api/v1/namespaces").Param("limit", "1").DoRaw(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, path := range r.paths {
		group.Go(func() error {
			_, err := bareListAt(ctx, client, path, list.ResourceVersion)
			return err
		})
	}
	return group.Wait()
}

func (r *closureRounds) round(ctx context.Context, b *bench, config *rest.Config, client *rest.RESTClient, i int) error {
	var objects int
	t, err := seconds(func() error {
		for _, path := range r.paths {
			n, err := bareList(ctx, client, path)
			if err != nil {
				return err
			}
			objects += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.list, r.objects = append(r.list, t), append(r.objects, float64(objects))
	t, err = seconds(func() error { return r.listAtOnce(ctx, client) })
	if err != nil {
		return err
	}
	r.parallel = append(r.parallel, t)
	path := filepath.Join(b.dir, fmt.Sprintf("closure-%d", i))
	defer os.RemoveAll(path)
	h, err := newHome(ctx, path, config)
	if err != nil {
		return err
	}
	defer h.close()
	var made *salvor.Backup
	t, err = seconds(func() (err error) {
		made, err = h.backupOf(ctx, salvor.Scope{Namespaces: []string{"bench"}, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app-0042"}}})
		return err
	})
	if err != nil {
		return err
	}
	if n := made.Status.Progress.Objects; n != perApp+1 { // and its Namespace
		return fmt.Errorf("the backup of one application has %d objects instead of %d", n, perApp+1)
	}
	r.backup, r.taken = append(r.backup, t), append(r.taken, float64(made.Status.Progress.Objects))
	return nil
}
