package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// A webhook that is there before the pods that answer it can keep these very pods from starting, for ever. So one that
// comes back waits for its Service.

// unanswered is a webhook whose Service comes back with it and has no ready pod yet. It may be brought in spite of
// that, when waiting has been in vain.
type unanswered struct{ service string }

func (u *unanswered) Error() string {
	return fmt.Sprintf("no pod of its Service %s is ready", u.service)
}

// Unwrap makes it a deferral.
func (u *unanswered) Unwrap() error { return &deferral{u.Error()} }

var (
	kindServices = cluster.Resource{Version: "v1", Name: "services", Kind: "Service", Namespaced: true}
	kindSlices   = cluster.Resource{Group: "discovery.k8s.io", Version: "v1", Name: "endpointslices", Kind: "EndpointSlice", Namespaced: true}
)

// answered returns an *unanswered if the object is a new webhook that nobody would answer yet. At last it is a note.
func (r *run) answered(ctx context.Context, o *object) error {
	if waveOf(o.res) != waveAdmission {
		return nil
	}
	services := answering(o.body)
	services = slices.DeleteFunc(services, func(s service) bool { return !r.brings(s.Namespace) })
	if len(services) == 0 {
		return nil
	}
	if exists, err := r.inventory.exists(ctx, o.res, "", o.result.Name); exists || err != nil {
		return err
	}
	for _, s := range services {
		if r.ready(ctx, s) {
			continue
		}
		err := &unanswered{s.Namespace + "/" + s.Name}
		if !r.insist {
			return err
		}
		o.notes = append(o.notes, err.Error())
	}
	return nil
}

// service names a Service.
type service struct{ Namespace, Name string }

// answering are the Services that answer the webhooks of a configuration, save those that may go unanswered.
func answering(body []byte) (list []service) {
	var webhooks []struct {
		FailurePolicy string
		ClientConfig  struct{ Service *service }
	}
	if raw := rawjson.Get(body, "webhooks"); raw == nil || json.Unmarshal(raw, &webhooks) != nil {
		return nil
	}
	for _, w := range webhooks {
		if s := w.ClientConfig.Service; s != nil && w.FailurePolicy != "Ignore" && !slices.Contains(list, *s) {
			list = append(list, *s)
		}
	}
	return list
}

// brings reports whether the namespace of the target is one that this restore brings objects into.
func (r *run) brings(namespace string) bool {
	for _, src := range r.plan.Sources {
		if slices.ContainsFunc(src.Namespaces, func(ns string) bool { return r.moved(ns) == namespace }) {
			return true
		}
	}
	return false
}

// ready reports whether the Service has an address that is ready. If there is no such Service, or nobody says, waiting
// is in vain: that is ready, too.
func (r *run) ready(ctx context.Context, s service) bool {
	live, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) { return r.target.Get(ctx, kindServices, s.Namespace, s.Name) })
	if err != nil || rawjson.Get(live, "spec", "selector") == nil {
		return true
	}
	ready := false
	_, _, err = r.try(ctx, func(ctx context.Context) ([]byte, error) {
		_, err := r.target.List(ctx, cluster.ListRequest{Resource: kindSlices, Namespace: s.Namespace, LabelSelector: "kubernetes.io/service-name=" + s.Name}, func(i cluster.Item) error {
			ready = ready || anyReady(i.Raw)
			return nil
		})
		return nil, err
	})
	return ready || err != nil
}

// anyReady reports whether an EndpointSlice has an address that is ready, or of which that is not known.
func anyReady(slice []byte) bool {
	var endpoints []struct {
		Addresses  []string
		Conditions struct{ Ready *bool }
	}
	if raw := rawjson.Get(slice, "endpoints"); raw == nil || json.Unmarshal(raw, &endpoints) != nil {
		return false
	}
	for _, e := range endpoints {
		if len(e.Addresses) > 0 && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
			return true
		}
	}
	return false
}
