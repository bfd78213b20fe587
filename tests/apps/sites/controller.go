package main

import (
	"context"
	"log"
	"os"
	"time"
)

// site is a Site in version v1.
type site struct {
	Metadata struct{ Name, Namespace, UID string } `json:"metadata"`
	Spec     struct {
		Page     struct{ Title, Text string }
		Replicas int
	} `json:"spec"`
	Status struct{ Ready int } `json:"status"`
}

// control does what there is to do, again and again. What goes wrong is tried again.
func control(ctx context.Context) error {
	a, err := newAPI()
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := a.reconcile(ctx); err != nil {
			log.Print(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (a *api) reconcile(ctx context.Context) error {
	if err := a.certify(ctx); err != nil {
		return err
	}
	var list struct{ Items []site }
	if err := a.get(ctx, "/apis/web.example.com/v1/sites", &list); err != nil {
		return err
	}
	for _, s := range list.Items {
		if err := a.reconcileSite(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// reconcileSite makes what the Site owns, and reports how many of its pods are ready.
func (a *api) reconcileSite(ctx context.Context, s site) error {
	name, labels := "site-"+s.Metadata.Name, object{"site": s.Metadata.Name}
	meta := object{"name": name, "namespace": s.Metadata.Namespace, "labels": labels, "ownerReferences": []object{{
		"apiVersion": "web.example.com/v1", "kind": "Site", "name": s.Metadata.Name, "uid": s.Metadata.UID, "controller": true, "blockOwnerDeletion": true}}}
	core, apps := "/api/v1/namespaces/"+s.Metadata.Namespace, "/apis/apps/v1/namespaces/"+s.Metadata.Namespace
	err := a.apply(ctx, core+"/configmaps/"+name, object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta,
		"data": object{"index.html": "<h1>" + s.Spec.Page.Title + "</h1>" + s.Spec.Page.Text + "\n"}})
	if err != nil {
		return err
	}
	if err := a.apply(ctx, core+"/services/"+name, object{"apiVersion": "v1", "kind": "Service", "metadata": meta,
		"spec": object{"selector": labels, "ports": []object{{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}}}}); err != nil {
		return err
	}
	if err := a.apply(ctx, apps+"/deployments/"+name, object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": object{
		"replicas": s.Spec.Replicas, "selector": object{"matchLabels": labels},
		"template": object{"metadata": object{"labels": labels}, "spec": podOf(name)}}}); err != nil {
		return err
	}
	var deployment struct {
		Status struct{ ReadyReplicas int }
	}
	if err := a.get(ctx, apps+"/deployments/"+name, &deployment); err != nil || deployment.Status.ReadyReplicas == s.Status.Ready {
		return err
	}
	return a.send(ctx, "PATCH", "/apis/web.example.com/v1/namespaces/"+s.Metadata.Namespace+"/sites/"+s.Metadata.Name+"/status", mergePatch,
		object{"status": object{"ready": deployment.Status.ReadyReplicas}}, nil)
}

// podOf is the spec of a pod that serves the ConfigMap.
func podOf(configMap string) object {
	return object{
		"terminationGracePeriodSeconds": 1,
		"containers": []object{{
			"name": "httpd", "image": os.Getenv("SITE_IMAGE"), "command": []string{"httpd", "-f", "-p", "8080", "-h", "/www"},
			"ports":          []object{{"name": "http", "containerPort": 8080, "protocol": "TCP"}},
			"readinessProbe": object{"httpGet": object{"path": "/index.html", "port": "http"}, "periodSeconds": 1},
			"volumeMounts":   []object{{"name": "www", "mountPath": "/www"}},
		}},
		"volumes": []object{{"name": "www", "configMap": object{"name": configMap}}},
	}
}
