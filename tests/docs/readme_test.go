package docs_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/tests/testenv"
)

// terminal runs lines as a user does, in the root of the repository, with a home of its own.
type terminal struct {
	home string
	who  string // as salvor names the user
	env  []string
}

func newTerminal(t *testing.T, kubeconfig string) *terminal {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(testenv.Salvor(t), filepath.Join(bin, "salvor")); err != nil {
		t.Fatal(err)
	}
	// What tools/run builds is cached in the real home.
	kubectl := fmt.Sprintf("#!/bin/sh\nHOME='%s' exec '%s/tools/run' kubectl \"$@\"\n", os.Getenv("HOME"), top)
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte(kubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	return &terminal{home: home, who: me.Username + "@" + host, env: append(os.Environ(), "HOME="+home, "SALVOR_HOME=", "SALVOR_API=", "XDG_DATA_HOME=", "TZ=UTC",
		"KUBECONFIG="+kubeconfig, "PATH="+bin+":"+os.Getenv("PATH"))}
}

// run returns what a line prints, on both outputs.
func (c *terminal) run(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = root, c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.NewReplacer(c.home, "/home/you", c.who, "you@machine").Replace(string(out))
}

var shapes = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "DIGEST"},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(ms|s|m|min)\b`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (B|kB|MB)`), "SIZE"},
	// Controllers are at work meanwhile: they may make a ServiceAccount first, or touch a Deployment.
	{regexp.MustCompile(`(\d+ (created|updated|unchanged)(, )?)+`), "OUTCOMES"},
	{regexp.MustCompile(`\d+`), "N"},
	{regexp.MustCompile(`[ \t]+`), " "},
}

// shape is an output without what differs from run to run.
func shape(text string) string {
	for _, s := range shapes {
		text = s.re.ReplaceAllString(text, s.by)
	}
	return text
}

// walk runs the console lines of a page, of which there are at least so many, and wants their output there to be what they print. With -update it is written anew.
func (c *terminal) walk(t *testing.T, name string, least int) {
	t.Helper()
	page, commands := read(t, name), 0
	for _, b := range blocks(page) {
		if b.info != "console" {
			continue
		}
		var ran strings.Builder
		for line := range strings.Lines(b.text) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				commands++
				ran.WriteString(line + c.run(t, strings.TrimSpace(command)))
			}
		}
		if diff := cmp.Diff(shape(b.text), shape(ran.String())); diff != "" && !*update {
			t.Errorf("%s prints something else (-page +now):\n%s", name, diff)
		}
		page = strings.Replace(page, "```console\n"+b.text, "```console\n"+ran.String(), 1)
	}
	if commands < least {
		t.Errorf("only %d lines were found", commands)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(filepath.Join(root, name), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The path that README.md sets has kubectl in it, also on a machine that has none.
func TestReadmePathHasKubectl(t *testing.T) {
	server(t) // tools/run has built what it needs
	_, path, found := strings.Cut(read(t, "README.md"), "\nexport PATH=")
	if !found {
		t.Fatal("README.md sets no path")
	}
	path, _, _ = strings.Cut(path, "\n")
	line := fmt.Sprintf("HOME='%s'; PATH=%s; type -ap kubectl; tools/run env", os.Getenv("HOME"), path)
	if out := newTerminal(t, "").run(t, line); binOf(out) == "" || !strings.Contains(out, binOf(out)+"/kubectl\n") {
		t.Errorf("in the path there is only\n%s", out)
	}
}

// binOf is the directory of programs that tools/run env names.
func binOf(env string) string {
	_, bin, _ := strings.Cut(env, "\nbin=")
	bin, _, _ = strings.Cut(bin, "\n")
	return bin
}

func TestReadmeWalkThrough(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	t.Cleanup(func() {
		for _, ns := range []string{"shop-front", "shop-data", "copy-front", "copy-data"} {
			_ = admin.Delete(context.WithoutCancel(t.Context()), namespaces, "", ns, kube.DeleteOptions{})
		}
	})
	newTerminal(t, k.Kubeconfig).walk(t, "README.md", 8)
}

func TestRulesWalkThrough(t *testing.T) {
	k := testenv.Kube(t, testenv.KubeOptions{Name: "docs-node", Node: true})
	admin := client(t, k.Kubeconfig)
	t.Cleanup(func() {
		_ = admin.Delete(context.WithoutCancel(t.Context()), namespaces, "", "ledger", kube.DeleteOptions{})
	})
	c := newTerminal(t, k.Kubeconfig)
	c.env = append(c.env, "IMAGE=localhost/salvor/busybox:1")
	c.walk(t, "docs/rules.md", 8)
}

// Every salvor line of every page is one that the program understands.
func TestCommandsAreUnderstood(t *testing.T) {
	c := newTerminal(t, "")
	found := 0
	for name, text := range pages(t) {
		for _, b := range blocks(text) {
			if !strings.HasPrefix(b.info, "sh") {
				continue
			}
			for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", "")) {
				command, _, _ := strings.Cut(line, " #")
				if !strings.HasPrefix(command, "salvor ") {
					continue
				}
				found++
				t.Run(name, func(t *testing.T) { c.run(t, strings.TrimSpace(command)+" --help") })
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d lines were found", found)
	}
}
