// Command watchdog is the Lambda function that lets applications go on whose backup died while they were frozen. A message
// wakes it when the worker's lease has ended, and a schedule lets it look after everything that is owed.
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
	"salvor.io/salvor/functions/internal/watchdog"
)

func main() {
	h, err := home.Open(context.Background(), os.Getenv, os.Stdout, home.StateMachine, home.Wakes)
	if err != nil {
		log.Fatal(err)
	}
	e := engine.New(h)
	w := &watchdog.Watchdog{Home: h, Catalog: h.Catalog,
		Payer:    func(holder string) watchdog.Payer { return e.Backups(holder) },
		Send:     wake.NewQueue(h.AWS, h.Config.Wakes, h.Now).Send,
		HandOver: machine.New(h.AWS, h.Config.StateMachine).Start,
	}
	lambda.Start(w.Handle)
}
