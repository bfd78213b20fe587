package child

import (
	"os/exec"
	"runtime"
	"sync"
)

// starter starts processes on one thread that lives as long as this process. A
// child with Pdeathsig is killed when the *thread* that started it ends, and the
// Go runtime is free to end others.
var starter = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

func start(cmd *exec.Cmd) error {
	done := make(chan error)
	starter() <- func() { done <- cmd.Start() }
	return <-done
}
