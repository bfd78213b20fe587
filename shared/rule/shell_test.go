package rule_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/rule"
)

// shells are those of common images: dash (Debian), bash (Red Hat), busybox (Alpine).
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{"sh": {"sh"}, "dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found[name] = append([]string{path}, argv[1:]...)
		}
	}
	if len(found) == 0 {
		t.Fatal("no shell on this machine")
	}
	return found
}

// start runs a line under the guard as a container runtime would: in a session of its own, with standard input open.
func start(t *testing.T, argv []string, line string) (cmd *exec.Cmd, stdin io.Closer, out *bytes.Buffer) {
	t.Helper()
	cmd, in, out := begin(t, argv, line)
	io.WriteString(in, rule.GoOn)
	return cmd, in, out
}

// begin is start of a line that is not told to go on yet.
func begin(t *testing.T, argv []string, line string) (cmd *exec.Cmd, stdin io.WriteCloser, out *bytes.Buffer) {
	t.Helper()
	guarded := rule.Shell(line)
	cmd = exec.Command(argv[0], append(argv[1:], guarded[1:]...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out = &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 10 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, stdin, out
}

func TestShellPassesEverythingThrough(t *testing.T) {
	tests := map[string]struct {
		line, out string
		code      int
	}{
		"exit code":      {line: "exit 3", code: 3},
		"both outputs":   {line: "echo a; echo b >&2", out: "a\nb\n"},
		"quotes":         {line: `x='a "b"  c'; echo "$x" $# '$1'`, out: "a \"b\"  c 0 $1\n"},
		"several lines":  {line: "for i in 1 2; do\necho $i\ndone", out: "1\n2\n"},
		"input is empty": {line: "cat; echo end", out: "end\n"},
		"a syntax error": {line: "(", code: -1},
		"a signal":       {line: "kill -9 $$", code: 137},
	}
	for name, argv := range shells(t) {
		for what, tt := range tests {
			t.Run(name+"/"+what, func(t *testing.T) {
				cmd, _, out := start(t, argv, tt.line)
				cmd.Wait()
				code := cmd.ProcessState.ExitCode()
				if tt.code == -1 && code > 0 {
					return
				}
				if code != tt.code || tt.out != "" && rule.Unheard(out.String()) != tt.out {
					t.Errorf("got code %d and %q", code, out)
				}
			})
		}
	}
}

// alive reports whether a process still reads the fifo: all that a line started inherit it.
func alive(t *testing.T, fifo string) bool {
	t.Helper()
	f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0) // ENXIO: nobody reads
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func TestShellEndsWithItsConnection(t *testing.T) {
	for name, argv := range shells(t) {
		for what, line := range map[string]string{
			"a program":                  "sleep 600",
			"children in the background": "sleep 600 & sleep 600 & wait",
			"one that ignores TERM":      `trap "" TERM; sleep 600; sleep 600`,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				fifo := filepath.Join(t.TempDir(), "fifo")
				if err := syscall.Mkfifo(fifo, 0o600); err != nil {
					t.Fatal(err)
				}
				// Every process of the line has the fifo open for reading.
				cmd, stdin, _ := start(t, argv, "exec 4<>"+fifo+" 5<"+fifo+" 4>&-; "+line)
				for !alive(t, fifo) {
					time.Sleep(10 * time.Millisecond)
				}
				stdin.Close()
				cmd.Wait()
				for end := time.Now().Add(time.Minute); alive(t, fifo); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("something of the line is still running")
					}
				}
			})
		}
	}
}

// A line may start something that is to stay.
func TestShellLeavesTheBackgroundAlone(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd, stdin, out := start(t, argv, "exec 4<>"+fifo+" 5<"+fifo+" 4>&-; sleep 600 >/dev/null 2>&1 & echo started")
			if err := cmd.Wait(); err != nil || rule.Unheard(out.String()) != "started\n" {
				t.Fatalf("got %v, %q", err, out)
			}
			stdin.Close()
			time.Sleep(200 * time.Millisecond)
			if !alive(t, fifo) {
				t.Error("the background process was ended")
			}
		})
	}
}

// What a server starts when whoever wanted it has gone does nothing.
func TestShellOfNobodyDoesNothing(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			cmd, stdin, out := begin(t, argv, "echo ran")
			time.Sleep(200 * time.Millisecond)
			stdin.Close()
			if err := cmd.Wait(); err == nil || rule.Unheard(out.String()) != "" {
				t.Errorf("got %v, %q", err, out)
			}
		})
	}
}

// What was told to go on, and heard it when its time was over, does nothing.
func TestShellThatHearsTooLateDoesNothing(t *testing.T) {
	for name, argv := range shells(t) {
		for _, input := range []string{"go 20\n", "go 0\n", "stop\n", "\n"} {
			t.Run(name+strings.TrimSpace(" "+input), func(t *testing.T) {
				t.Parallel()
				cmd, stdin, out := begin(t, argv, "echo ran")
				time.Sleep(500 * time.Millisecond)
				io.WriteString(stdin, input)
				if err := cmd.Wait(); err == nil || !strings.HasPrefix(out.String(), rule.Here+"\n") || strings.Contains(out.String(), "ran") || strings.Contains(out.String(), "not begun") != strings.HasPrefix(input, "go") {
					t.Errorf("got %v, %q", err, out)
				}
			})
		}
	}
}

// Where the exec shares a process group, the guard must not end strangers.
func TestShellWithoutGroupOfItsOwn(t *testing.T) {
	guarded := rule.Shell("echo ran; exit 4")
	cmd := exec.Command(guarded[0], guarded[1:]...) // in the group of this test
	cmd.Stdin = strings.NewReader(rule.GoOn)
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 4 || rule.Unheard(string(out)) != "ran\n" {
		t.Errorf("got %v, %q", cmd.ProcessState, out)
	}
}
