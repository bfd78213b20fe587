package child

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is short beside anything that is waited for here.
const pollEvery = 25 * time.Millisecond

// Poll asks until done says yes. It returns the cause when ctx ends, with what
// was waited for and the last reason why it was not there.
func Poll(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("waiting for %s (last: %v): %w", what, err, context.Cause(ctx))
			}
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-time.After(pollEvery):
		}
	}
}
