package cli

import (
	"context"
	"flag"

	"salvor.io/salvor/tools/internal/dynamo"
)

var dynamodbVerbs = map[string]verb{
	"up":   {"start a DynamoDB server and print how to reach it", dynamodbUp},
	"down": {"take a server down; nothing of it is left", down},
	"list": {"show the servers", list},
	"logs": {"show what a server wrote", logs},
}

func dynamodbUp(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	start := addStartFlags(flags)
	if done, err := parseAll(flags, args); done {
		return err
	}
	result, err := c.up(ctx, start, dynamo.Options{Install: c.home.Dynalite}, false)
	if err != nil {
		return err
	}
	return c.print(result)
}
