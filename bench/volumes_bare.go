package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// startVolumeApps makes the pods with their volumes, a file in each, and the class of snapshots that take a minute.
func startVolumeApps(ctx context.Context, client *rest.RESTClient, config *rest.Config) error {
	objects := []object{{"/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses", fmt.Appendf(nil, `{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshotClass",
		"metadata":{"name":"pending"},"driver":"ebs.csi.aws.com","deletionPolicy":"Delete","parameters":{"fault/pending":%q}}`, pendingFor)}}
	for _, app := range volumeApps {
		if err := makeNamespaces(ctx, client, app.namespace); err != nil {
			return err
		}
		objects = append(objects, app.objects()...)
	}
	if err := create(ctx, client, len(objects), func(i int, _ *rand.Rand) object { return objects[i] }); err != nil {
		return err
	}
	for _, app := range volumeApps {
		for {
			data, err := client.Get().AbsPath("/api/v1/namespaces/" + app.namespace + "/pods/app").DoRaw(ctx)
			if err != nil {
				return err
			}
			if strings.Contains(string(data), `"phase":"Running"`) {
				break
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(200 * time.Millisecond):
			}
		}
		if err := execIn(ctx, config, app.namespace, "app", fmt.Sprintf("for v in /data/*; do dd if=/dev/zero of=$v/file bs=1 count=0 seek=%s; done", app.file)); err != nil {
			return err
		}
	}
	return nil
}

// objects are a pod that mounts all the claims, and the claims.
func (a volumeApp) objects() []object {
	var all []object
	var mounts, volumes []string
	for i := range a.volumes {
		all = append(all, object{"/api/v1/namespaces/" + a.namespace + "/persistentvolumeclaims", fmt.Appendf(nil, `{"apiVersion":"v1","kind":"PersistentVolumeClaim",
			"metadata":{"name":"v%d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":%q}}}}`, i, a.claim)})
		mounts = append(mounts, fmt.Sprintf(`{"name":"v%d","mountPath":"/data/v%[1]d"}`, i))
		volumes = append(volumes, fmt.Sprintf(`{"name":"v%d","persistentVolumeClaim":{"claimName":"v%[1]d"}}`, i))
	}
	return append(all, object{"/api/v1/namespaces/" + a.namespace + "/pods", fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app","labels":{"app":"bench"}},
		"spec":{"containers":[{"name":"main","image":"localhost/salvor/busybox:1","command":["sleep","infinity"],"volumeMounts":[%s]}],"volumes":[%s]}}`,
		strings.Join(mounts, ","), strings.Join(volumes, ","))})
}

const bareSnapshots = "/apis/snapshot.storage.k8s.io/v1/namespaces/%s/volumesnapshots"

// bareCut is what no program that holds the application and snapshots its volumes can do without: it runs the commands
// of the rules, and in between makes all VolumeSnapshots at once and looks until each is bound and was cut.
func bareCut(ctx context.Context, client *rest.RESTClient, config *rest.Config, app volumeApp, class string) error {
	for _, line := range freezing {
		if err := execIn(ctx, config, app.namespace, "app", line); err != nil {
			return err
		}
	}
	path := fmt.Sprintf(bareSnapshots, app.namespace)
	err := create(ctx, client, app.volumes, func(i int, _ *rand.Rand) object {
		return object{path, fmt.Appendf(nil, `{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","metadata":{"name":"bare-%d"},
			"spec":{"volumeSnapshotClassName":%q,"source":{"persistentVolumeClaimName":"v%[1]d"}}}`, i, class)}
	})
	if err != nil {
		return err
	}
	for cut := 0; cut < app.volumes; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		data, err := client.Get().AbsPath(path).DoRaw(ctx)
		if err != nil {
			return err
		}
		var list struct {
			Items []struct {
				Status struct {
					BoundVolumeSnapshotContentName, CreationTime string
				}
			}
		}
		if err := json.Unmarshal(data, &list); err != nil {
			return fmt.Errorf("reading snapshots: %w", err)
		}
		cut = 0
		for _, s := range list.Items {
			if s.Status.BoundVolumeSnapshotContentName != "" && s.Status.CreationTime != "" {
				cut++
			}
		}
	}
	return execIn(ctx, config, app.namespace, "app", thawing)
}

// removeBareCut deletes the snapshots of bareCut and waits until they are gone.
func removeBareCut(ctx context.Context, client *rest.RESTClient, app volumeApp) error {
	path := fmt.Sprintf(bareSnapshots, app.namespace)
	for i := range app.volumes {
		one := fmt.Sprintf("%s/bare-%d", path, i)
		for {
			err := client.Delete().AbsPath(one).Do(ctx).Error()
			if apierrors.IsNotFound(err) {
				break
			}
			if err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}
