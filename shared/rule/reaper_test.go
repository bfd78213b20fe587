package rule_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/shared/rule"
)

// asProcess1 is the variable that makes this program process 1 for its arguments.
const asProcess1 = "SALVOR_TEST_PROCESS_1"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess1) != "" {
		process1(os.Args[1:])
	}
	os.Exit(m.Run())
}

// process1 runs a command as a container runtime does that is not process 1 itself, and prints how each process ended that fell
// to it. It returns when there is none any more.
func process1(argv []string) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Unsetenv(asProcess1)
	command, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stderr, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Stdin.Close()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			os.Exit(0)
		}
		if pid == command.Pid {
			fmt.Fprintf(os.Stderr, "ended %d\n", status.ExitStatus())
		} else if status.Signaled() {
			fmt.Println(status.Signal())
		} else {
			fmt.Println("exit", status.ExitStatus())
		}
	}
}

// orphans runs an argv of Shell or Feeding whose connection ends after a while, and returns how what fell to process 1 has
// ended, and what was said.
func orphans(sh, argv []string, ends time.Duration) (fell, said string, err error) {
	cmd := exec.Command(os.Args[0], all(sh, argv)...)
	cmd.Env = append(os.Environ(), asProcess1+"=yes")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", "", err
	}
	if err := cmd.Start(); err != nil {
		return "", "", err
	}
	io.WriteString(stdin, rule.GoOn)
	defer time.AfterFunc(ends, func() { stdin.Close() }).Stop()
	defer time.AfterFunc(50*time.Second, func() { cmd.Process.Kill() }).Stop()
	err = cmd.Wait()
	return out.String(), errs.String(), err
}

// all is an argv of Shell or Feeding in which that shell is /bin/sh.
func all(sh, argv []string) []string {
	own := slices.Clone(sh)
	for i, arg := range argv[1:] {
		switch {
		case i == 1:
			own = append(own, strings.ReplaceAll(arg, "/bin/sh -c", strings.Join(sh, " ")+" -c"))
		case i > 2 && arg == "/bin/sh":
			own = append(own, sh...)
		default:
			own = append(own, arg)
		}
	}
	return own
}

// PostgreSQL as process 1 of a container takes what falls to it for one of its own: ended by a signal, it restarts.
func TestNothingFallsToProcess1(t *testing.T) {
	const never, soon = time.Minute, 500 * time.Millisecond
	fed := func(hold bool, life time.Duration, wait, line string) []string {
		return rule.Feeding(0, hold, life, wait, "is ready", rule.Line(line)...)
	}
	tests := map[string]struct {
		argv func(file string) []string
		ends time.Duration
	}{
		"a line ends by itself":         {func(string) []string { return rule.Shell("sleep 0.2; sleep 0.2; exit 3") }, never},
		"a quick line":                  {func(string) []string { return rule.Shell(":") }, never},
		"a line ends with its group":    {func(string) []string { return rule.Shell("sleep 600 & sleep 0.3; kill 0; wait") }, never},
		"the connection of a program":   {func(string) []string { return rule.Shell("sleep 600; :") }, soon},
		"of one that is the line":       {func(string) []string { return rule.Shell("exec sleep 600") }, soon},
		"of a pipe":                     {func(string) []string { return rule.Shell("sleep 600 | sleep 600") }, soon},
		"of what the line waits for":    {func(string) []string { return rule.Shell("sleep 600 & sleep 600 & wait") }, soon},
		"of a subshell that waits":      {func(string) []string { return rule.Shell("( trap 'wait; exit 1' TERM; sleep 600; :) | cat") }, soon},
		"of a program that stays":       {func(string) []string { return rule.Shell(stubborn + "; :") }, soon},
		"of an input":                   {func(string) []string { return fed(false, 0, "", "sleep 600; :") }, soon},
		"a command with an input":       {func(string) []string { return fed(false, 0, "", "cat; sleep 0.2; exit 3") }, never},
		"a hold ends by itself":         {func(string) []string { return fed(true, never, "", "sleep 0.2; exit 3") }, never},
		"a quick hold":                  {func(string) []string { return fed(true, never, "", ":") }, never},
		"a hold with its group":         {func(string) []string { return fed(true, never, "", "sleep 600 & sleep 0.3; kill 0; wait") }, never},
		"a hold that is told":           {func(string) []string { return fed(true, never, "", "cat; exit 3") }, soon},
		"a hold that does not read":     {func(string) []string { return fed(true, never, "", "sleep 600; :") }, soon},
		"a hold that stays":             {func(string) []string { return fed(true, never, "", stubborn+"; :") }, soon},
		"a hold past its time":          {func(string) []string { return fed(true, time.Second, "", "cat; exit 3") }, never},
		"one past it that doesn't read": {func(string) []string { return fed(true, time.Second, "", "sleep 600; :") }, never},
		"one past it that stays":        {func(string) []string { return fed(true, time.Second, "", stubborn+"; :") }, never},
		"WAIT_CMD":                      {func(f string) []string { return fed(true, never, f, f+".sh; exit 3") }, soon},
		"WAIT_CMD past its time":        {func(f string) []string { return fed(true, time.Second, f, f+".sh; exit 3") }, never},
		"WAIT_CMD that is not run":      {func(f string) []string { return fed(true, never, f, "sleep 600; :") }, soon},
	}
	eachShell(t, func(t *testing.T, sh []string) {
		dir := t.TempDir()
		var wait sync.WaitGroup
		for what, tt := range tests { // all at once: they sleep most of the time
			wait.Go(func() {
				fell, said, err := orphans(sh, tt.argv(filepath.Join(dir, strings.ReplaceAll(what, " ", "-"))), tt.ends)
				if err != nil || fell != "" || !strings.Contains(said, "ended ") {
					t.Errorf("%s: %q fell to process 1; %q, %v", what, fell, said, err)
				}
			})
		}
		wait.Wait()
	})
}

// stubborn is a program that ignores TERM, begun by a shell that doesn't.
const stubborn = `env --ignore-signal=TERM sleep 600`
