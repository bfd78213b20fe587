package instance_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/tools/internal/instance"
)

func TestProcessesAreAllBelowTheGuard(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	s := instance.State{Guard: os.Getpid()}
	var found map[string]int
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if found, err = s.Processes(); err != nil {
			t.Fatal(err)
		}
		if found["sh"] == cmd.Process.Pid && found["sleep"] != 0 {
			return
		}
	}
	t.Errorf("found %v, want sh as %d and its child sleep", found, cmd.Process.Pid)
}
