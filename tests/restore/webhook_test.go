package restore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

var (
	webhooks  = kind("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false)
	endpoints = kind("discovery.k8s.io", "endpointslices", "EndpointSlice", true)
)

// webhookBackup is a namespace with a Service, and a webhook that it answers, backed up and deleted.
func (w *world) webhookBackup(policy string) (ns, name string) {
	w.t.Helper()
	ns = w.namespace()
	name = "hook-" + ns
	w.create(services, ns, "hook", `"spec":{"selector":{"app":"hook"},"ports":[{"port":443}]}`)
	w.create(webhooks, "", name, `"webhooks":[{"name":"a.example.org","sideEffects":"None","admissionReviewVersions":["v1"],"failurePolicy":"`+policy+`",
		"namespaceSelector":{"matchLabels":{"nobody":"has-it"}},"clientConfig":{"service":{"namespace":"`+ns+`","name":"hook"}},
		"rules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"operations":["CREATE"]}]}]`)
	w.take("b", []string{ns}, services).global(w, webhooks, name).store(w)
	w.delete(namespaces, "", ns)
	w.delete(webhooks, "", name)
	return ns, name
}

func TestAWebhookWaitsForThePodsThatAnswerIt(t *testing.T) {
	t.Parallel() // they wait for the deletion of namespaces, most of the time
	w := newWorld(t)
	ns, name := w.webhookBackup("Fail")
	var early bool // the webhook was there before its address
	addressed := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { addressed <- w.address(ctx, ns, func() { early = w.get(webhooks, "", name) != nil }) }()

	o := w.completed(salvor.RestoreSpec{Backup: "b"})
	if err := <-addressed; err != nil {
		t.Fatal(err)
	}
	if early {
		t.Error("the webhook was there before anyone could answer it")
	}
	if got := o.of(webhooks, "", name); got.Outcome != salvor.OutcomeCreated || got.Reason != "" {
		t.Errorf("got %s (%s)", got.Outcome, got.Reason)
	}
}

// address gives the Service an address, half a second after it is there.
func (w *world) address(ctx context.Context, ns string, before func()) error {
	for {
		if _, err := w.c.Get(ctx, services, ns, "hook"); err == nil {
			break
		} else if ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	before()
	_, err := w.c.Create(ctx, endpoints, ns, []byte(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"by-hand","labels":{"kubernetes.io/service-name":"hook"}},
		"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"],"conditions":{"ready":true}}],"ports":[{"port":443}]}`))
	return err
}

func TestAWebhookThatNobodyAnswersComesBackAtLast(t *testing.T) {
	t.Parallel() // they wait for the deletion of namespaces, most of the time
	w := newWorld(t)
	_, name := w.webhookBackup("Fail")
	got := w.completed(salvor.RestoreSpec{Backup: "b"}).of(webhooks, "", name)
	if got.Outcome != salvor.OutcomeCreated || !strings.Contains(got.Reason, "no pod of its Service") {
		t.Errorf("got %s (%s), want Created, and that nobody answers", got.Outcome, got.Reason)
	}
}

func TestAWebhookThatMayGoUnansweredDoesNotWait(t *testing.T) {
	t.Parallel() // they wait for the deletion of namespaces, most of the time
	w := newWorld(t)
	_, name := w.webhookBackup("Ignore")
	got := w.completed(salvor.RestoreSpec{Backup: "b"}).of(webhooks, "", name)
	if got.Outcome != salvor.OutcomeCreated || got.Reason != "" {
		t.Errorf("got %s (%s)", got.Outcome, got.Reason)
	}
}
