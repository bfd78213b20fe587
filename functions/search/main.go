// Command search is the Lambda function that finds backups by date, counts them by day, and looks into them for a named
// object. It links nothing of Kubernetes, so that it answers quickly when it is cold.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/gateway"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/stores"
	"salvor.io/salvor/shared/httpapi"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	h.Catalog.ReadOnly = true
	server := &httpapi.Server{Catalog: h.Catalog, Open: stores.New(h).Repository, Now: h.Now, Log: h.Log}
	lambda.Start(gateway.Handler(server.Handler(), h.Log))
}
