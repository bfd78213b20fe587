// Command backup is the Lambda function that makes backups: those that schedules, the API and people at the console ask
// for, and those that the state machine goes on with.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"salvor.io/salvor/functions/internal/engine"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/machine"
	"salvor.io/salvor/functions/internal/wake"
	"salvor.io/salvor/functions/internal/work"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.CatalogID, home.StateMachine, home.Wakes)
	if err != nil {
		log.Fatal(err)
	}
	e := engine.New(h)
	e.Wake = wake.NewQueue(h.AWS, h.Config.Wakes, h.Now).Wake
	m := machine.New(h.AWS, h.Config.StateMachine)
	worker := &work.Backups{Home: h, Engine: e.Backups, HandOver: m.Start}
	lambda.Start((&work.Handler{Worker: worker, HandOver: m.Start, Now: h.Now, Log: h.Log}).Handle)
}
