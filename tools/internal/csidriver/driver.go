// Package csidriver is a CSI driver for tests. It is called ebs.csi.aws.com and
// hands out volumes of an ebs.Store, so that a cluster's volumes, snapshots and
// topology look like those of EKS.
//
// It publishes a volume by a bind mount, so it runs in the kubelet's mount
// namespace, and registers itself with the kubelet.
package csidriver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pluginregistration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"salvor.io/salvor/tools/internal/ebs"
)

// Name is the driver's, as in StorageClass.provisioner.
const Name = "ebs.csi.aws.com"

// Driver answers the CSI calls of the kubelet and of the sidecars.
type Driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedGroupControllerServer
	csi.UnimplementedNodeServer
	pluginregistration.UnimplementedRegistrationServer

	Store *ebs.Store
	// Pending is how long a snapshot is pending after it was cut.
	Pending time.Duration
	// Groups makes the driver one that has group snapshots.
	Groups bool
	// NodeID is the EC2 instance, Zone where it is.
	NodeID, Zone string
	// Socket is where CSI is served; Registration where the kubelet looks for it.
	Socket, Registration string

	faults faults
}

// Serve answers calls until ctx ends.
func (d *Driver) Serve(ctx context.Context) error {
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, d)
	csi.RegisterControllerServer(server, d)
	csi.RegisterNodeServer(server, d)
	if d.Groups {
		csi.RegisterGroupControllerServer(server, d)
	}
	registration := grpc.NewServer()
	pluginregistration.RegisterRegistrationServer(registration, d)
	done := make(chan error, 2)
	// The registration comes last: from then on the kubelet calls the other.
	if err := serve(server, d.Socket, done); err != nil {
		return err
	}
	if err := serve(registration, d.Registration, done); err != nil {
		return err
	}
	defer server.Stop()
	defer registration.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-done:
		return err
	}
}

func serve(server *grpc.Server, socket string, done chan<- error) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return fmt.Errorf("making the directory of %s: %w", socket, err)
	}
	if err := os.RemoveAll(socket); err != nil {
		return fmt.Errorf("removing an old socket: %w", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", socket, err)
	}
	go func() { done <- server.Serve(l) }()
	return nil
}

// answer turns an error of the store into one of CSI.
func answer(err error) error {
	if errors.Is(err, ebs.ErrNotFound) {
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}
