package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"salvor.io/salvor/tools/internal/guard"
	"salvor.io/salvor/tools/internal/instance"
)

// startFlags are the flags of every `up`.
type startFlags struct {
	name, dir string
	watch     int
	limit     time.Duration // 0: the kind's own
}

func nameFlag(flags *flag.FlagSet) *string {
	return flags.String("name", "", "name of the instance (needed)")
}

func addStartFlags(flags *flag.FlagSet) *startFlags {
	f := &startFlags{}
	flags.StringVar(&f.name, "name", "", "name of the instance (needed)")
	flags.StringVar(&f.dir, "dir", "", "directory for its files, new or empty; removed at the end (default: in the cache)")
	flags.IntVar(&f.watch, "watch-pid", 0, "take it down when this process is gone")
	return f
}

func (c *call) instance(name string) (instance.Instance, error) {
	if name == "" {
		return instance.Instance{}, fmt.Errorf("%w: --name is needed", ErrUsage)
	}
	return instance.New(c.home.Run, c.kind, name)
}

// up brings an instance up and returns its result.
func (c *call) up(ctx context.Context, f *startFlags, config any, isolate bool) (json.RawMessage, error) {
	inst, err := c.instance(f.name)
	if err != nil {
		return nil, err
	}
	spec := guard.Spec{Instance: inst, Dir: inst.DefaultDir(), Bin: c.home.Bin, Limit: f.limit, WatchPID: f.watch, Isolate: isolate}
	if f.dir != "" {
		if spec.Dir, err = filepath.Abs(f.dir); err != nil {
			return nil, fmt.Errorf("finding --dir: %w", err)
		}
	}
	if spec.Config, err = json.Marshal(config); err != nil {
		return nil, fmt.Errorf("encoding the options: %w", err)
	}
	if err := guard.Sweep(Server, c.home.Run, c.kind); err != nil {
		return nil, err
	}
	begin := c.io.Now()
	return guard.Up(ctx, Server, spec, func(step string) {
		fmt.Fprintf(c.io.Err, "%s %s: %4.1f s  %s\n", c.kind, f.name, c.io.Now().Sub(begin).Seconds(), step)
	})
}

// running returns the state of an instance that is up.
func (c *call) running(name string) (instance.State, error) {
	inst, err := c.instance(name)
	if err != nil {
		return instance.State{}, err
	}
	state, _, err := inst.Read()
	if err != nil {
		return instance.State{}, err
	}
	if !inst.Held() || state.Phase != instance.Ready {
		return instance.State{}, fmt.Errorf("%s %s is not running: see `%s list`", c.kind, name, c.kind)
	}
	return state, nil
}

// down takes one instance down, or says nothing if there is none.
func down(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	name := nameFlag(flags)
	if done, err := parseAll(flags, args); done {
		return err
	}
	inst, err := c.instance(*name)
	if err != nil {
		return err
	}
	return guard.Down(ctx, Server, inst)
}
