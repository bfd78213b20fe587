package rule_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/rule"
)

// fed runs an argv of Feeding as a container runtime would.
type fed struct {
	*exec.Cmd
	stdin    io.WriteCloser
	out, err *bytes.Buffer
}

func startFed(t *testing.T, sh []string, input string, argv []string) *fed {
	t.Helper()
	f := &fed{Cmd: exec.Command(sh[0], append(sh[1:len(sh):len(sh)], argv[1:]...)...), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	f.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	f.Stdout, f.Stderr, f.WaitDelay = f.out, f.err, 20*time.Second
	var err error
	if f.stdin, err = f.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-f.Process.Pid, syscall.SIGKILL) })
	io.WriteString(f.stdin, rule.GoOn+input)
	return f
}

func (f *fed) code() int {
	f.Wait()
	return f.ProcessState.ExitCode()
}

// eachShell runs a test in every shell there is, all at once.
func eachShell(t *testing.T, do func(t *testing.T, sh []string)) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(t, argv)
		})
	}
}

func TestAnInputEndsAndTheConnectionStays(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		f := startFed(t, sh, "a\n  b\\c\n", rule.Feeding(2, false, 0, "", "", rule.Line("cat; echo e >&2; exit 3")...))
		if code := f.code(); code != 3 || f.out.String() != "a\n  b\\c\n" || rule.Unheard(f.err.String()) != "e\n" {
			t.Errorf("got code %d, %q, %q", code, f.out, f.err)
		}
	})
}

func TestAnInputOfNobodyDoesNothing(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		argv := rule.Feeding(0, true, time.Minute, "", "", "echo", "ran")
		cmd := exec.Command(sh[0], append(sh[1:len(sh):len(sh)], argv[1:]...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if out, err := cmd.CombinedOutput(); err == nil || rule.Unheard(string(out)) != "" {
			t.Errorf("got %v, %q", err, out)
		}
	})
}

func TestACommandWithAnInputEndsWithItsConnection(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		f := startFed(t, sh, "a\n", rule.Feeding(1, false, 0, "", "", rule.Line("sleep 600 & sleep 600")...))
		began := time.Now()
		f.stdin.Close()
		if f.code(); time.Since(began) > time.Minute {
			t.Error("it went on")
		}
	})
}

func TestABackgroundCommand(t *testing.T) {
	sh := rule.Line
	tests := map[string]struct {
		argv  []string
		life  time.Duration
		stays bool // its input is not ended
		line  bool // it is ended by a line
		code  int
		out   string
		most  time.Duration
	}{
		"reads its input to the end and ends by itself": {argv: sh("cat; echo bye; exit 4"), life: time.Minute, code: 4, out: "first\nbye\n", most: 1500 * time.Millisecond},
		"is told to end by a line":                      {argv: sh("cat; echo bye; exit 4"), life: time.Minute, stays: true, line: true, code: 4, out: "first\nbye\n", most: 1500 * time.Millisecond},
		"that does not read gets TERM":                  {argv: []string{"sleep", "600"}, life: time.Minute, code: 143, most: 4 * time.Second},
		"that ignores TERM gets KILL":                   {argv: sh(`trap "" TERM; sleep 600; sleep 600`), life: time.Minute, code: 137, most: 9 * time.Second},
		"ends after its time, though nobody ends it":    {argv: sh("cat; echo ended"), life: time.Second, stays: true, out: "first\nended\n", most: 4 * time.Second},
		"that ignores TERM ends after its time too":     {argv: sh(`trap "" TERM; sleep 600; sleep 600`), life: time.Second, stays: true, code: 137, most: 9 * time.Second},
		"ends by itself before that":                    {argv: sh("exit 7"), life: time.Minute, stays: true, code: 7, most: 1500 * time.Millisecond},
		"leaves nothing behind that ignores TERM":       {argv: sh(`(trap "" TERM; sleep 600; sleep 600) & exit 2`), life: time.Minute, stays: true, code: 2, most: 5 * time.Second},
		"leaves nothing behind":                         {argv: sh("sleep 600 & sleep 600 & exit 2"), life: time.Minute, stays: true, code: 2, most: 4 * time.Second},
	}
	eachShell(t, func(t *testing.T, shell []string) {
		for what, tt := range tests {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				f := startFed(t, shell, "first\n", rule.Feeding(1, true, tt.life, "", "", tt.argv...))
				time.Sleep(300 * time.Millisecond)
				began := time.Now()
				if tt.line {
					io.WriteString(f.stdin, "end\n")
				}
				if !tt.stays {
					f.stdin.Close()
				}
				code := f.code()
				if took := time.Since(began); code != tt.code || tt.out != "" && f.out.String() != tt.out || took > tt.most+30*time.Second {
					t.Errorf("got code %d after %v, %q, %q", code, took, f.out, f.err)
				}
				gone(t, f.Process.Pid)
			})
		}
	})
}

// gone waits until a process group has no member that lives.
func gone(t *testing.T, group int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err := syscall.Kill(-group, 0); err != nil || allDead(group) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("something of the command is still running")
		}
	}
}

// allDead reports whether only zombies are left of a group: nobody may be there to reap them.
func allDead(group int) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return false
		}
	}
	return true
}

func TestWaitCommand(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		file := filepath.Join(t.TempDir(), "wait")
		f := startFed(t, sh, "", rule.Feeding(0, true, time.Minute, file, "is ready", rule.Line("echo locked; "+file+".sh; echo unlocked; exit 5")...))
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if said, _ := os.ReadFile(file); string(said) == "ready\n" {
				break
			}
			if time.Now().After(end) {
				t.Fatal("it never ran")
			}
		}
		time.Sleep(300 * time.Millisecond)
		f.stdin.Close()
		if code := f.code(); code != 5 || f.out.String() != "locked\nunlocked\n" || rule.Unheard(f.err.String()) != "is ready\n" {
			t.Errorf("got code %d, %q, %q", code, f.out, f.err)
		}
		if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
			t.Errorf("files are left: %v", left)
		}
	})
}

// A file that somebody else has made is not written to.
func TestWaitCommandFollowsNoLink(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		dir := t.TempDir()
		other := filepath.Join(dir, "other")
		if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(other, filepath.Join(dir, "wait")); err != nil {
			t.Fatal(err)
		}
		f := startFed(t, sh, "", rule.Feeding(0, true, time.Minute, filepath.Join(dir, "wait"), "is ready", "echo", "ran"))
		code := f.code()
		if said, _ := os.ReadFile(other); code == 0 || f.out.Len() > 0 || string(said) != "mine" {
			t.Errorf("got code %d, %q; the file holds %q", code, f.out, said)
		}
	})
}

func TestPreflight(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		run := func(group bool, env []string, name string) (string, string, int) {
			cmd := exec.Command(sh[0], append(sh[1:len(sh):len(sh)], "-c", rule.Preflight, "/bin/sh", name)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: group}
			cmd.Env = env
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			cmd.Run()
			return out.String(), errs.String(), cmd.ProcessState.ExitCode()
		}
		if out, errs, code := run(true, os.Environ(), ""); code != 0 || out != "" || errs != "" {
			t.Errorf("got code %d, %q, %q", code, out, errs)
		}
		if out, _, code := run(true, os.Environ(), ".salvor-test-"+filepath.Base(sh[0])); code != 0 || out != "/tmp exec\n" {
			t.Errorf("with files: got code %d, %q", code, out)
		}
		if _, errs, code := run(false, os.Environ(), ""); code == 0 || !strings.Contains(errs, "process group") {
			t.Errorf("in a group with others: got code %d, %q", code, errs)
		}
		if strings.Contains(sh[0], "busybox") {
			return // it is its own sleep
		}
		if _, errs, code := run(true, []string{"PATH=/nowhere"}, ""); code == 0 || !strings.Contains(errs, "no sleep") {
			t.Errorf("without sleep: got code %d, %q", code, errs)
		}
	})
}

// Many holds are told to end as soon as they have begun. A TERM that finds a process that the shell has only just made is
// lost on it: what measures the lifetime must not outlive the hold so, and keep it up.
func TestHoldsThatAreEndedAtOnceEnd(t *testing.T) {
	eachShell(t, func(t *testing.T, sh []string) {
		var holds sync.WaitGroup
		for range 60 {
			f := startFed(t, sh, "", rule.Feeding(0, true, 150*time.Second, "", "", rule.Line("echo held; while :; do sleep 0.1; done")...))
			io.WriteString(f.stdin, "end\n")
			holds.Go(func() {
				began := time.Now()
				if f.code(); time.Since(began) > time.Minute {
					t.Errorf("it ended after %s", time.Since(began))
				}
			})
		}
		holds.Wait()
	})
}
