package dir_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
)

// TestMain runs the test binary as one of the processes that tests start, if it
// is told to, and the tests otherwise.
func TestMain(m *testing.M) {
	switch path := os.Getenv("DIR_TEST_PATH"); os.Getenv("DIR_TEST_ROLE") {
	case "putter":
		putForever(path)
	case "filler":
		fillDisk(path)
	default:
		os.Exit(m.Run())
	}
}

// child is the command of this test binary in another role.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "DIR_TEST_ROLE="+role, "DIR_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// crashBody is the blob under crash/<round>/<i>.
func crashBody(round, i int) []byte {
	return locationtest.Random(uint64(round*1000+i), 1+(i*7919)%(300<<10))
}

func crashKey(round, i int) string { return fmt.Sprintf("crash/%d/%d/%d", round, i%3, i) }

// putForever puts blobs, and says which are done, until it is killed.
func putForever(path string) {
	round, err := strconv.Atoi(os.Getenv("DIR_TEST_ROUND"))
	if err != nil {
		panic(err)
	}
	ctx, cancel := signalContext()
	defer cancel()
	s, err := dir.Open(ctx, path, dir.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	for i := 0; ; i++ {
		if _, err := s.Put(ctx, crashKey(round, i), location.Bytes(crashBody(round, i))); err != nil {
			panic(err)
		}
		fmt.Println(i)
	}
}

// After a SIGKILL at any point there are whole blobs only, all that Put reported
// among them, and the next process can go on.
func TestCrash(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	leftovers, blobs := 0, 0
	for round := range 40 {
		reported := crash(t, path, round)
		temps, err := os.ReadDir(filepath.Join(path, ".salvor", "tmp"))
		if err != nil {
			t.Fatal(err)
		}
		leftovers = max(leftovers, len(temps))
		seen := 0
		for info, err := range s.List(t.Context(), fmt.Sprintf("crash/%d/", round), "") {
			if err != nil {
				t.Fatal(err)
			}
			seen++
			i, err := strconv.Atoi(info.Key[strings.LastIndexByte(info.Key, '/')+1:])
			if err != nil {
				t.Fatal(err)
			}
			if got, err := read(t, s, info.Key); err != nil || !bytes.Equal(got, crashBody(round, i)) {
				t.Fatalf("%s is listed and has %d bytes that are not those put; %v", info.Key, len(got), err)
			}
		}
		if seen < reported || seen > reported+1 {
			t.Fatalf("round %d: %d blobs are listed, and %d were reported", round, seen, reported)
		}
		// The key that the killed process was at can be put, or is whole.
		key := crashKey(round, reported)
		_, err = s.Put(t.Context(), key, location.Bytes(crashBody(round, reported)))
		if err != nil && seen == reported {
			t.Fatalf("putting %s after the crash: %v", key, err)
		}
		blobs += seen
	}
	// A test that never hits a put in the middle proves nothing.
	if leftovers == 0 || blobs == 0 {
		t.Fatalf("of 40 kills none left a temporary file (%d), or no blob was put (%d)", leftovers, blobs)
	}
	later := open(t, path, dir.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if left := files(t, filepath.Join(path, ".salvor", "tmp")); len(left) != 0 {
		t.Errorf("two hours later %d temporary files are left: %v", len(left), left)
	}
	put(t, later, "after", []byte("x"))
	t.Logf("%d blobs were put; %d puts were cut short", blobs, leftovers)
}

// crash runs a process that puts blobs, kills it at a random point and returns
// how many puts it reported.
func crash(t *testing.T, path string, round int) int {
	t.Helper()
	cmd := child(t, "putter", path)
	cmd.Env = append(cmd.Env, "DIR_TEST_ROUND="+strconv.Itoa(round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the child says %q", lines.Text())
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	reported := 0
	for lines.Scan() {
		reported++
	}
	cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v", cmd.ProcessState)
	}
	return reported
}
