package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"salvor.io/salvor/tools/internal/child"
)

// eventFD is the pipe to the guard.
const eventFD = 3

// RunServer is the server process: it reads its spec from stdin, starts the
// instance and stays until it is told to end or one of its processes ends. All
// of them are gone when it returns.
func RunServer(make Factory) error {
	var spec Spec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return fmt.Errorf("reading the spec: %w", err)
	}
	out := json.NewEncoder(os.NewFile(eventFD, "events"))
	syscall.CloseOnExec(eventFD)
	var mu sync.Mutex // steps come from several goroutines
	tell := func(e event) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(e) // with the guard gone nobody reads this, and SIGKILL is on its way
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	group := child.New(ctx, filepath.Join(spec.Dir, "logs"))
	err := serve(make, spec, group, tell)
	cause := context.Cause(group.Context())
	group.Stop()
	if ctx.Err() != nil {
		return nil // told to end
	}
	if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w\n%w", err, cause)
	}
	tell(event{Error: err.Error()})
	return err
}

func serve(make Factory, spec Spec, group *child.Group, tell func(event)) error {
	server, err := make(spec)
	if err != nil {
		return err
	}
	result, err := server.Start(group.Context(), group, func(s string) { tell(event{Step: s}) })
	if err != nil {
		return err
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	tell(event{Result: raw})
	<-group.Context().Done()
	return context.Cause(group.Context())
}
