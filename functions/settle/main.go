// Command settle is the Lambda function that looks at the volume snapshots of backups which are not ready yet: once each time
// the state machine asks for it, so that no process is held while they are waited for.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/engine"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/work"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.CatalogID)
	if err != nil {
		log.Fatal(err)
	}
	worker := &work.Settling{Home: h, Settler: engine.New(h).Settler}
	lambda.Start((&work.Handler{Worker: worker, Now: h.Now, Log: h.Log}).Handle)
}
