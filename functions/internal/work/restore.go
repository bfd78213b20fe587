package work

import (
	"context"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// Restores brings objects back.
type Restores struct {
	*home.Home
	// Engine makes the engine of one invocation.
	Engine func(holder string) *restore.Engine
}

// Begin records the restore that the ask wants.
func (w *Restores) Begin(ctx context.Context, ask *event.Ask) (*event.Job, string, error) {
	r, ok := ask.Object.(*salvor.Restore)
	if !ok {
		return nil, "", salvor.Errorf(salvor.Invalid, "this function restores, and the event asks for something else").WithHint("invoke the backup function")
	}
	if r.RequestedBy == "" {
		r.RequestedBy = "invocation/" + home.RequestID(ctx)
	}
	r.RequestID(home.RequestID(ctx))
	asked := r.Spec
	recorded, created, err := w.Engine(w.Holder(ctx)).Begin(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if !created && !salvor.Same(asked, recorded.Spec) {
		return nil, "", salvor.Errorf(salvor.Exists, "restore %q is there already, and of something else", recorded.Name).WithHint("choose another name")
	}
	w.Log.InfoContext(ctx, "restore begun", "restore", recorded.Name, "created", created)
	return &event.Job{Kind: salvor.KindRestore, Name: recorded.Name}, "", nil
}

// Work restores, or goes on restoring.
func (w *Restores) Work(ctx context.Context, job event.Job) (*Answer, error) {
	if job.Kind != salvor.KindRestore {
		return nil, salvor.Errorf(salvor.Invalid, "this function restores, and the job is a %s", job.Kind)
	}
	r, err := w.restore(ctx, job.Name)
	if err != nil {
		return nil, err
	}
	if r.Status.Phase.Done() {
		return ended(r.Status.Phase, r.Status.Message, r.Status.Lease.Epoch), nil
	}
	answer, err := w.run(home.CameFrom(ctx, r.ObjectMeta), r)
	if answer != nil {
		answer.Origin = r.Annotations[salvor.RequestAnnotation]
	}
	return answer, err
}

func (w *Restores) run(ctx context.Context, r *salvor.Restore) (*Answer, error) {
	trace := w.Trace(ctx)
	defer trace.End()
	engine := w.Engine(w.Holder(ctx))
	last := ""
	engine.Progress = func(p restore.Progress) {
		if p.Step != last {
			w.Log.InfoContext(ctx, "step", "restore", r.Name, "step", p.Step, "done", p.Done, "total", p.Total)
		}
		last = p.Step
		trace.Step(p.Step)
	}
	err := engine.Run(ctx, r)
	s := r.Status
	switch {
	case salvor.Is(err, salvor.Suspended):
		return &Answer{Status: Continue, Phase: s.Phase, Message: err.Error(), Epoch: s.Lease.Epoch}, nil
	case s.Phase.Done():
		w.measure(ctx, r)
		return ended(s.Phase, s.Message, s.Lease.Epoch), nil
	case salvor.Is(err, salvor.Conflict), salvor.Is(err, salvor.Fenced):
		return w.other(ctx, r.Name)
	}
	return nil, err
}

// measure emits what a restore that has ended took.
func (w *Restores) measure(ctx context.Context, r *salvor.Restore) {
	s := r.Status
	var objects int64
	for _, n := range s.Outcomes {
		objects += n
	}
	w.Emit(ctx, map[string]string{"Restore": r.Name, "Cluster": r.Spec.TargetCluster},
		home.Flag("RestoreFailed", s.Phase == salvor.PhaseFailed),
		home.Metric{Name: "RestoreFailures", Unit: "Count", Value: float64(s.Outcomes[salvor.OutcomeFailed])},
		home.Metric{Name: "RestoreDuration", Unit: "Milliseconds", Value: float64(s.CompletedAt.Sub(s.StartedAt.Time).Milliseconds())},
		home.Metric{Name: "RestoreObjects", Unit: "Count", Value: float64(objects)})
}

// other answers about a restore that another process does.
func (w *Restores) other(ctx context.Context, name string) (*Answer, error) {
	r, err := w.restore(context.WithoutCancel(ctx), name)
	if err != nil {
		return nil, err
	}
	if s := r.Status; s.Phase.Done() {
		return ended(s.Phase, s.Message, s.Lease.Epoch), nil
	}
	return waitFor(r.Status.Phase, r.Status.Lease, w.Now()), nil
}

func (w *Restores) restore(ctx context.Context, name string) (*salvor.Restore, error) {
	o, err := w.Catalog.Get(ctx, salvor.KindRestore, name)
	if err != nil {
		return nil, err
	}
	return o.(*salvor.Restore), nil
}
