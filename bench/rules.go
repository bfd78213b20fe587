package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"

	"salvor.io/salvor/shared/salvor"
)

// frozenPods are held at once: as many as Salvor runs commands in at once.
const frozenPods = 20

// What holds an application and lets it go on: two actions before the cut, one after it.
var (
	freezing = []string{"touch /tmp/frozen", "sync"}
	thawing  = "rm -f /tmp/frozen"
)

const ruleText = `apiVersion: salvor.io/v1
kind: Rule
metadata: {name: %s}
spec: {subRules: [{onNoPods: Fail, podSelectors: [{matchLabels: {app: bench}}], actions: [%s]}]}
---
`

// benchRules compares, in turn: the commands of a rule by bare execs, each in all pods at once, and the time for which a
// backup by the command `salvor backup create` with that rule held the application. The commands take no time of their
// own, so that both are all exec.
func benchRules(ctx context.Context, b *bench) ([]Result, error) {
	k, config, err := b.kube(ctx, "rules", "--node")
	if err != nil {
		return nil, err
	}
	defer b.down(k)
	client, err := plainClient(config)
	if err != nil {
		return nil, err
	}
	if err := startPods(ctx, client); err != nil {
		return nil, err
	}
	c, err := b.newCommand(ctx, "rules", k)
	if err != nil {
		return nil, err
	}
	rules := fmt.Sprintf(ruleText, "freeze", actions(freezing...)) + fmt.Sprintf(ruleText, "thaw", actions(thawing))
	file := filepath.Join(b.dir, "rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		return nil, fmt.Errorf("writing the rules: %w", err)
	}
	if err := c.do(ctx, "apply", "-f", file); err != nil {
		return nil, err
	}
	var bare, frozen, added []float64
	for i := range b.rounds + 1 {
		t, err := seconds(func() error { return bareExecs(ctx, config) })
		if err != nil {
			return nil, err
		}
		held, err := frozenFor(ctx, c, fmt.Sprintf("backup-%d", i))
		if err != nil {
			return nil, err
		}
		if i == 0 { // nobody counts a warm-up
			continue
		}
		bare, frozen, added = append(bare, t), append(frozen, held), append(added, held-t)
		b.say("rules: round %d: bare execs %.2f s, frozen for %.2f s", i, t, held)
	}
	return []Result{
		info("rules/bare-execs", bare, "s"),
		info("rules/frozen", frozen, "s"),
		info("rules/added", added, "s"),
		atMost(1.5, "rules/frozen-to-bare-execs", ratios(frozen, bare), "x"),
	}, nil
}

func actions(lines ...string) string {
	return "{shell: '" + strings.Join(lines, "'}, {shell: '") + "'}"
}

func podName(i int) string { return fmt.Sprintf("pod-%02d", i) }

// startPods makes the pods and waits until they run.
func startPods(ctx context.Context, client *rest.RESTClient) error {
	if err := makeNamespaces(ctx, client, "bench"); err != nil {
		return err
	}
	err := create(ctx, client, frozenPods, func(i int, _ *rand.Rand) object {
		return object{"/api/v1/namespaces/bench/pods", fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"labels":{"app":"bench"}},
			"spec":{"containers":[{"name":"main","image":"localhost/salvor/busybox:1","command":["sleep","infinity"]}]}}`, podName(i))}
	})
	if err != nil {
		return err
	}
	for running := 0; running < frozenPods; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
		data, err := client.Get().AbsPath("/api/v1/namespaces/bench/pods").DoRaw(ctx)
		if err != nil {
			return err
		}
		running = strings.Count(string(data), `"phase":"Running"`)
	}
	return nil
}

// bareExecs runs each command in all pods at once, as kubectl exec does.
func bareExecs(ctx context.Context, config *rest.Config) error {
	for _, line := range append(freezing[:len(freezing):len(freezing)], thawing) {
		group, ctx := errgroup.WithContext(ctx)
		for i := range frozenPods {
			group.Go(func() error { return execIn(ctx, config, "bench", podName(i), line) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// execIn runs a line in a pod, as kubectl exec does.
func execIn(ctx context.Context, config *rest.Config, namespace, pod, line string) error {
	client, err := plainClient(config)
	if err != nil {
		return err
	}
	url := client.Post().AbsPath("/api/v1/namespaces/"+namespace+"/pods/"+pod+"/exec").Param("stdout", "true").Param("stderr", "true").
		Param("command", "/bin/sh").Param("command", "-c").Param("command", line).URL()
	e, err := remotecommand.NewSPDYExecutor(config, "POST", url)
	if err != nil {
		return err
	}
	if err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: io.Discard, Stderr: io.Discard}); err != nil {
		return fmt.Errorf("running %s in %s: %w", line, pod, err)
	}
	return nil
}

// frozenFor makes a backup with the rules, and returns for how many seconds it held the application.
func frozenFor(ctx context.Context, c *command, name string) (float64, error) {
	if err := c.do(ctx, "backup", "create", name, "-n", "bench", "--kinds", "configmaps", "--pre-exec-rule", "freeze", "--post-exec-rule", "thaw"); err != nil {
		return 0, err
	}
	out, err := c.output(ctx, "get", "backup", name, "-o", "json")
	if err != nil {
		return 0, err
	}
	var done salvor.Backup
	if err := json.Unmarshal(out, &done); err != nil {
		return 0, fmt.Errorf("reading backup %s: %w", name, err)
	}
	if done.Status.FrozenFor.Duration <= 0 {
		return 0, errors.New("the backup held nothing")
	}
	return done.Status.FrozenFor.Seconds(), nil
}
