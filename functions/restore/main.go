// Command restore is the Lambda function that restores: what the API and people at the console ask for, and what the
// state machine goes on with.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/engine"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/machine"
	"salvor.io/salvor/functions/internal/work"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.CatalogID, home.StateMachine)
	if err != nil {
		log.Fatal(err)
	}
	m := machine.New(h.AWS, h.Config.StateMachine)
	worker := &work.Restores{Home: h, Engine: engine.New(h).Restores}
	lambda.Start((&work.Handler{Worker: worker, HandOver: m.Start, Now: h.Now, Log: h.Log}).Handle)
}
