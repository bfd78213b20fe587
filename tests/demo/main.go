// Command demo shows the main job from end to end, as a user would do it: it starts a throw-away Kubernetes cluster,
// runs a small application in it, backs it up with rules, breaks and deletes it, finds the backups by date, restores the
// application as of a date, and compares it with the bytes that the API server itself had returned before. Then it
// restores the same into another cluster.
//
// With --kubeconfig it shows the same on somebody's own cluster, in namespaces of its own, and restores into others of the
// same cluster. It says first what it will do, looks whether it may, and asks.
//
// Nothing of it stays, also after Ctrl-C or a failure. Several may run at once, but on a
// cluster of yours one after the other: a kind that goes away while a backup is made is a failure of that.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	d := &demo{screen: screen{out: os.Stdout, began: time.Now()}}
	d.flags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := d.run(ctx)
	if err != nil { // Ctrl-C may have reached a program before this one
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	interrupted := ctx.Err() != nil
	cleanErr := d.clean()
	if cleanErr != nil {
		fmt.Fprintln(os.Stderr, "\nthe demo did not clean up:", cleanErr)
	}
	if interrupted && cleanErr == nil {
		fmt.Fprintln(os.Stderr, "\ninterrupted; everything has been taken down")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nthe demo FAILED:", err)
	}
	if err != nil || cleanErr != nil {
		os.Exit(1)
	}
	d.conclude()
}

// flags reads the command line.
func (d *demo) flags() {
	g := &guest{}
	flag.StringVar(&d.program, "salvor", "", "program to show (default bin/salvor)")
	flag.StringVar(&g.kubeconfig, "kubeconfig", "", "show it on the cluster of this kubeconfig instead of a throw-away one")
	flag.StringVar(&g.context, "context", "", "context in the kubeconfig (default its current one)")
	flag.StringVar(&g.image, "image", publicImage, "image of the application's pods there: one that has busybox")
	flag.StringVar(&g.suffix, "suffix", newSuffix(), "what the names of the demo there end in")
	flag.BoolVar(&g.yes, "yes", false, "don't ask")
	flag.Parse()
	if g.kubeconfig != "" {
		d.guest = g
	}
}

// part is a part of the story.
type part struct {
	title string
	do    func(context.Context) error
}

// run tells the story.
func (d *demo) run(ctx context.Context) error {
	first, last := part{"A Kubernetes cluster, with a node that runs pods", d.startCluster}, part{"The same into another cluster", d.restoreElsewhere}
	if d.guest != nil {
		first, last = part{"A cluster of yours", d.arrive}, part{"The same into other namespaces", d.restoreBeside}
	}
	for _, part := range []part{
		first,
		{"An application in two namespaces", d.deploy},
		{"Tell Salvor of the cluster, of a directory and of the rules", d.prepare},
		{"Back up, with rules that let the database hold its writes", d.backUp},
		{"What the API server says of every object, read without Salvor", d.remember},
		{"An accident: objects are changed, a backup is made of that, all is deleted", d.destroy},
		{"Find the backups by date, and check every byte of them", d.find},
		{"Restore as of the moment before the accident", d.restore},
		{"Compare", d.compareSource},
		last,
	} {
		d.title(part.title)
		if err := part.do(ctx); err != nil {
			return err
		}
	}
	return nil
}
