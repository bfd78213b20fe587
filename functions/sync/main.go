// Command sync is the Lambda function that brings the catalog up to date with buckets, or makes it anew, and exports rules,
// policies and schedules into them. It reaches no cluster.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/stores"
	"salvor.io/salvor/functions/internal/sync"
	"salvor.io/salvor/shared/rebuild"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.CatalogID)
	if err != nil {
		log.Fatal(err)
	}
	s := &sync.Syncer{Home: h, Engine: &rebuild.Engine{Catalog: h.Catalog, Open: stores.New(h).Location, CatalogID: h.Config.CatalogID, Now: h.Now}}
	lambda.Start(s.Handle)
}
