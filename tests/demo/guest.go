package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/term"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"salvor.io/salvor/tests/throwaway"
)

// publicImage has the few programs that the application needs, can be pulled from anywhere without signing in, and is
// kept by Docker's own maintainers.
const publicImage = "public.ecr.aws/docker/library/busybox:1.37"

// demoLabel is on every object without namespace that the demo makes on somebody's cluster; its value is the suffix.
const demoLabel = "salvor.io/demo"

// guest is a demo on somebody's own cluster: it makes what it needs under names of its own and leaves nothing behind.
type guest struct {
	kubeconfig, context, image, suffix string
	yes                                bool
	client                             rest.Interface
	// made says that objects may have been made, which have to go.
	made bool
}

// newSuffix makes names that nobody has.
func newSuffix() string { return strings.ToLower(rand.Text()[:6]) }

// shop is the application under names of its own.
func (g *guest) shop(dir string) shop {
	base := "salvor-demo-" + g.suffix
	return shop{web: base + "-web", db: base + "-db", glob: base + "-*", group: "d" + g.suffix + ".shop.example.com", app: filepath.Join(dir, "app")}
}

// arrive finds out about the cluster, says what will be done there, and asks. It changes nothing.
func (d *demo) arrive(ctx context.Context) (err error) {
	if err := d.prepareFiles(ctx); err != nil {
		return err
	}
	g := d.guest
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return fmt.Errorf("the demo needs kubectl: %w", err)
	}
	d.bin, d.shop = filepath.Dir(kubectl), g.shop(d.dir)
	if err := d.connect(ctx); err != nil {
		return err
	}
	d.announce()
	if err := g.checkRights(ctx, d.shop); err != nil {
		return err
	}
	if err := g.checkNames(ctx, d.shop); err != nil {
		return err
	}
	if err := g.confirm(ctx, d.out); err != nil {
		return err
	}
	return adapt(filepath.Join(d.root, ownShop.app), d.shop, g.image, g.suffix)
}

// connect writes the chosen context, and nothing else of the kubeconfig, to a file that is removed at the end: all
// programs use the same, whatever becomes of the current context meanwhile.
func (d *demo) connect(ctx context.Context) error {
	g := d.guest
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(g.kubeconfig), WarnIfAllMissing: true}
	all, err := rules.Load()
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", g.kubeconfig, err)
	}
	if g.context != "" {
		all.CurrentContext = g.context
	}
	if all.Contexts[all.CurrentContext] == nil {
		return fmt.Errorf("kubeconfig %s has no context %q; choose one with CONTEXT=", g.kubeconfig, all.CurrentContext)
	}
	g.context = all.CurrentContext
	if err := clientcmd.ResolveLocalPaths(all); err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", g.kubeconfig, err)
	}
	if err := api.MinifyConfig(all); err != nil {
		return fmt.Errorf("reading kubeconfig %s, context %s: %w", g.kubeconfig, g.context, err)
	}
	file := filepath.Join(d.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*all, file); err != nil {
		return fmt.Errorf("writing the context: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s, context %s: %w", g.kubeconfig, g.context, err)
	}
	config.QPS, config.APIPath, config.NegotiatedSerializer = -1, "/", scheme.Codecs.WithoutConversion()
	if g.client, err = rest.UnversionedRESTClientFor(config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	var version struct{ GitVersion string }
	if err := g.get(ctx, "/version", &version); err != nil {
		return err
	}
	d.source = &throwaway.Kube{Kubeconfig: file, Server: config.Host, Version: version.GitVersion, Node: "yours"}
	return nil
}

// announce says where the demo is and what it will do.
func (d *demo) announce() {
	g := d.guest
	d.say("server      %s, Kubernetes %s", d.source.Server, d.source.Version)
	d.say("context     %s of %s", g.context, g.kubeconfig)
	d.say("namespaces  %s: made, deleted, restored, and deleted at the end", strings.Join([]string{d.shop.db, d.shop.web}, ", "))
	d.say("            …-copy of each: restored into, and deleted at the end")
	d.say("own kind    %s: made, deleted, restored, and deleted at the end", d.shop.crd())
	d.say("pods        up to 8, image %s, as nobody, without volumes", g.image)
	d.say("It lists all kinds in these namespaces and what they refer to, runs commands in its own pods, and changes nothing else. It takes a minute or two.")
}

// checkNames refuses to use a name that somebody has.
func (g *guest) checkNames(ctx context.Context, s shop) error {
	taken, err := g.there(ctx, s)
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		return fmt.Errorf("%s exists already, and is somebody else's: nothing was changed", strings.Join(taken, ", "))
	}
	return nil
}

// exists asks whether there is an object.
func (g *guest) exists(ctx context.Context, path string) (bool, error) {
	result := g.client.Get().AbsPath(path).Do(ctx)
	var code int
	if result.StatusCode(&code); code == http.StatusNotFound {
		return false, nil
	}
	if err := result.Error(); err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	return true, nil
}

// confirm asks the one at the terminal.
func (g *guest) confirm(ctx context.Context, out io.Writer) error {
	if g.yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("nobody is at a terminal to be asked: give YES=1 to go on; nothing was changed")
	}
	fmt.Fprint(out, "   Go on? Type yes: ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case text := <-answer:
		if text != "yes" {
			return errors.New("the answer was not yes: nothing was changed")
		}
		return nil
	}
}
