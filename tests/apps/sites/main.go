// Command sites is a small operator, as public ones are: for each Site (web.example.com) it keeps a ConfigMap with the
// page, a Deployment that serves it and a Service. It has webhooks that fill in, refuse and convert Sites, and makes the
// certificate that they serve with. It stands for operators in tests that back up and restore them.
//
//	sites controller    makes certificates and what Sites need
//	sites webhook       answers the API server at :8443
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var err error
	switch command := append(os.Args, "")[1]; command {
	case "controller":
		err = control(ctx)
	case "webhook":
		err = serve(ctx)
	default:
		err = fmt.Errorf("there is no command %q; it is controller or webhook", command)
	}
	if err != nil {
		log.Fatal(err)
	}
}
