// Command expire is the Lambda function that deletes: backups that no rule of their schedule's policy keeps, backups that
// somebody asked to delete, and segments that no backup needs any more. Schedules and the state machine invoke it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/engine"
	"salvor.io/salvor/functions/internal/expiry"
	"salvor.io/salvor/functions/internal/home"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.CatalogID)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start((&expiry.Expiry{Home: h, Pass: engine.New(h).Expiry}).Handle)
}
