package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// leaveTime bounds the deletion. Namespaces end when their pods have ended, which have two seconds.
const leaveTime = 3 * time.Minute

// Where the demo makes objects without namespace.
const (
	namespacesPath  = "/api/v1/namespaces"
	definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
)

// leave deletes what the demo has made on somebody's cluster, also after Ctrl-C and after a failure, and looks whether it
// is gone. Only what carries the label with this run's suffix is deleted. This process does it itself: Ctrl-C goes to all
// programs of a terminal, and would end a kubectl.
func (d *demo) leave() error {
	g := d.guest
	if g == nil || !g.made {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	d.title("Leave nothing behind")
	d.say("deleting the namespaces and definitions with the label %s=%s", demoLabel, g.suffix)
	if err := g.remove(ctx, d.shop); err != nil {
		return fmt.Errorf("removing what the demo made: %w\nremove it by hand:\n  kubectl --context '%s' delete namespaces,crd -l %s=%s", err, g.context, demoLabel, g.suffix)
	}
	if len(d.proofs) > 0 {
		d.prove("nothing of the demo is left in the cluster: no namespace, no definition")
	}
	return nil
}

// remove deletes until nothing is left: what was asked for just before Ctrl-C may come to be a moment later.
func (g *guest) remove(ctx context.Context, s shop) error {
	var last error
	for {
		if last = g.removeLabelled(ctx); last == nil {
			var left []string
			if left, last = g.there(ctx, s); last == nil && len(left) == 0 {
				return nil
			}
			if len(left) > 0 {
				last = fmt.Errorf("still there: %s", strings.Join(left, ", "))
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(last, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

func (g *guest) removeLabelled(ctx context.Context) error {
	for _, path := range []string{namespacesPath, definitionsPath} {
		var list struct {
			Items []struct {
				Metadata struct{ Name, UID, DeletionTimestamp string }
			}
		}
		if err := g.get(ctx, path+"?labelSelector="+url.QueryEscape(demoLabel+"="+g.suffix), &list); err != nil {
			return err
		}
		for _, o := range list.Items {
			if o.Metadata.DeletionTimestamp != "" {
				continue
			}
			body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":%q}}`, o.Metadata.UID)
			err := g.client.Delete().AbsPath(path+"/"+o.Metadata.Name).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error()
			if err != nil {
				return fmt.Errorf("deleting %s: %w", o.Metadata.Name, err)
			}
		}
	}
	return nil
}

// there names those of the demo's names that are in use.
func (g *guest) there(ctx context.Context, s shop) ([]string, error) {
	paths := []string{definitionsPath + "/" + s.crd()}
	for _, ns := range s.all() {
		paths = append(paths, namespacesPath+"/"+ns)
	}
	var found []string
	for _, path := range paths {
		exists, err := g.exists(ctx, path)
		if err != nil {
			return nil, err
		}
		if exists {
			found = append(found, path)
		}
	}
	return found, nil
}
