// Command csidriver runs the CSI driver of throw-away clusters.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"salvor.io/salvor/tools/internal/csidriver"
	"salvor.io/salvor/tools/internal/ebs"
)

func main() {
	d := csidriver.Driver{Store: &ebs.Store{Now: time.Now}}
	flag.StringVar(&d.Store.Dir, "store", "", "directory of volumes and snapshots")
	flag.DurationVar(&d.Pending, "pending", 0, "how long a snapshot is pending after it was cut")
	flag.BoolVar(&d.Groups, "groups", false, "have group snapshots")
	flag.StringVar(&d.NodeID, "node-id", "", "id of the EC2 instance")
	flag.StringVar(&d.Zone, "zone", "", "zone of the node and of its volumes")
	flag.StringVar(&d.Socket, "socket", "", "where CSI is served")
	flag.StringVar(&d.Registration, "registration", "", "where the kubelet finds the driver")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := d.Serve(ctx); err != nil {
		slog.Error("serving CSI", "error", err)
		os.Exit(1)
	}
}
