// Command demo shows the main job from end to end, as a user would do it: it starts a throw-away Kubernetes cluster,
// runs a small application in it, backs it up with rules, breaks and deletes it, finds the backups by date, restores the
// application as of a date, and compares it with the bytes that the API server itself had returned before. Then it
// restores the same into another cluster.
//
// Nothing of it stays, also after Ctrl-C or a failure. Several may run at once.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{screen: screen{out: os.Stdout, began: time.Now()}}
	err := d.run(ctx)
	if cleanErr := d.clean(); err == nil {
		err = cleanErr
	}
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "\ninterrupted; everything has been taken down")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nthe demo FAILED:", err)
		os.Exit(1)
	}
	d.conclude()
}

// run tells the story.
func (d *demo) run(ctx context.Context) error {
	for _, part := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"A Kubernetes cluster, with a node that runs pods", d.startCluster},
		{"An application in the namespaces shop-web and shop-db", d.deploy},
		{"Tell Salvor of the cluster, of a directory and of the rules", d.prepare},
		{"Back up, with rules that let the database hold its writes", d.backUp},
		{"What the API server says of every object, read without Salvor", d.remember},
		{"An accident: objects are changed, a backup is made of that, all is deleted", d.destroy},
		{"Find the backups by date, and check every byte of them", d.find},
		{"Restore as of the moment before the accident", d.restore},
		{"Compare", d.compareSource},
		{"The same into another cluster", d.restoreElsewhere},
	} {
		d.title(part.title)
		if err := part.do(ctx); err != nil {
			return err
		}
	}
	return nil
}
