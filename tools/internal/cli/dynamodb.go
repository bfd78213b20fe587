package cli

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"

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
	data := flags.String("data", "", "directory for the tables, which stays; for one server at a time (default: in memory)")
	if done, err := parseAll(flags, args); done {
		return err
	}
	o := dynamo.Options{Install: c.home.Dynalite}
	if *data != "" {
		var err error
		if o.Data, err = filepath.Abs(*data); err != nil {
			return fmt.Errorf("finding --data: %w", err)
		}
	}
	result, err := c.up(ctx, start, o, false)
	if err != nil {
		return err
	}
	return c.print(result)
}
