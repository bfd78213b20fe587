package kube_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
)

func exit(code string) metav1.Status {
	return metav1.Status{Status: metav1.StatusFailure, Reason: "NonZeroExitCode",
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: code}}}}
}

func internal(message string) metav1.Status {
	return metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Message: message, Code: 500}
}

var command = cluster.ExecRequest{Namespace: "shop", Pod: "db-0", Container: "db", Command: []string{"sh", "-c", "a b&c=d"}}

func TestExecEndings(t *testing.T) {
	tests := map[string]struct {
		play func(*remote)
		is   error // in the chain
		code int   // of the ExitError
	}{
		"a success":    {play: func(r *remote) { r.end(metav1.Status{Status: metav1.StatusSuccess}) }},
		"an exit code": {play: func(r *remote) { r.end(exit("3")) }, code: 3},
		"a connection that breaks midway is not a success": {
			play: func(r *remote) { fmt.Fprint(r.streams["stdout"], "half"); r.line.Close() }, is: cluster.ErrLost},
		"streams that end without a status are not a success": {
			play: func(r *remote) { fmt.Fprint(r.streams["stdout"], "whole"); r.close() }, is: cluster.ErrLost},
		"half a status is none": {
			play: func(r *remote) { fmt.Fprint(r.streams["error"], `{"status":"Succ`); r.line.Close() }, is: cluster.ErrLost},
		"nor is half a status whose stream has ended": {
			play: func(r *remote) { fmt.Fprint(r.streams["error"], `{"status":"Succ`); r.close() }, is: cluster.ErrLost},
		"nor is a text": {
			play: func(r *remote) { fmt.Fprint(r.streams["error"], `"Success"`); r.close() }, is: cluster.ErrLost},
		"a program that isn't there": {
			play: func(r *remote) {
				r.end(internal(`error executing command in container: failed to exec in container: failed to start exec "1f": OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown`))
			}, is: cluster.ErrNotStarted},
	}
	for name, tt := range tests {
		overEach(t, name, func(t *testing.T, p kube.Protocol) {
			err := server(t, kubelet(t, 3, tt.play)).ExecBy(p).Exec(t.Context(), command)
			var exit *cluster.ExitError
			switch {
			case tt.code != 0:
				if !errors.As(err, &exit) || exit.Code != tt.code {
					t.Errorf("got %v", err)
				}
			case !errors.Is(err, tt.is):
				t.Errorf("got %v, want %v", err, tt.is)
			}
		})
	}
}

func TestExecOtherFailureIsNeitherSuccessNorNotStarted(t *testing.T) {
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		err := server(t, kubelet(t, 3, func(r *remote) { r.end(internal("the node is on fire")) })).ExecBy(p).Exec(t.Context(), command)
		if !apierrors.IsInternalError(err) || errors.Is(err, cluster.ErrNotStarted) {
			t.Errorf("got %v", err)
		}
	})
}

func TestExecStreams(t *testing.T) {
	c := server(t, kubelet(t, 4, func(r *remote) {
		in, err := io.ReadAll(r.streams["stdin"])
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(r.streams["stdout"], "out:%s", in)
		fmt.Fprint(r.streams["stderr"], "err")
		r.end(metav1.Status{Status: metav1.StatusSuccess})
	}))
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		var stdout, stderr bytes.Buffer
		r := command
		r.Stdin, r.Stdout, r.Stderr = bytes.NewReader([]byte("in")), &stdout, &stderr
		if err := c.ExecBy(p).Exec(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"out:in", "err"}, []string{stdout.String(), stderr.String()}); diff != "" {
			t.Error(diff)
		}
	})
}

// Input that stays open is passed on as it comes, and ends when the command does.
func TestExecInputThatStays(t *testing.T) {
	c := server(t, kubelet(t, 4, func(r *remote) {
		line, err := bufio.NewReader(r.streams["stdin"]).ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(r.streams["stdout"], line)
		r.end(metav1.Status{Status: metav1.StatusSuccess})
	}))
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		open, end := io.Pipe()
		defer end.Close()
		var stdout bytes.Buffer
		r := command
		r.Stdin, r.StdinStays, r.Stdout = io.MultiReader(strings.NewReader("in\n"), open), true, &stdout
		if err := c.ExecBy(p).Exec(t.Context(), r); err != nil || stdout.String() != "in\n" {
			t.Errorf("got %q, %v", stdout.String(), err)
		}
	})
}

func TestExecAsksFor(t *testing.T) {
	const path = "/api/v1/namespaces/shop/pods/db-0/exec?command=sh&command=-c&command=a+b%26c%3Dd&container=db&stderr=true"
	tests := map[string]struct {
		protocol    kube.Protocol
		stdin       io.Reader
		stays       bool
		streams     int
		want, speak string
	}{
		"SPDY":                     {protocol: kube.SPDY, streams: 3, want: "POST " + path + "&stdout=true", speak: "SPDY/3.1"},
		"end to end without input": {protocol: kube.WebSocket, want: "GET " + path + "&stdout=true", speak: "v4.channel.k8s.io"},
		"end to end when no end of the input is to be told": {protocol: kube.WebSocket, stdin: strings.NewReader(""), stays: true,
			want: "GET " + path + "&stdin=true&stdout=true", speak: "v4.channel.k8s.io"},
		"what can tell the end of the input": {protocol: kube.WebSocket, stdin: strings.NewReader(""),
			want: "GET " + path + "&stdin=true&stdout=true", speak: "v5.channel.k8s.io"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			play := kubelet(t, tt.streams, func(r *remote) { r.end(metav1.Status{Status: metav1.StatusSuccess}) })
			var got, speaks, token string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, speaks, token = r.Method+" "+r.URL.String(), r.Header.Get("Sec-WebSocket-Protocol"), r.Header.Get("Authorization")
				if speaks == "" {
					speaks = r.Header.Get("Upgrade")
				}
				play(w, r)
			}))
			defer s.Close()
			c, err := kube.New(&rest.Config{Host: s.URL, BearerToken: "t0ken"})
			if err != nil {
				t.Fatal(err)
			}
			r := command
			r.Stdin, r.StdinStays = tt.stdin, tt.stays
			if err := c.ExecBy(tt.protocol).Exec(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, tt.speak, "Bearer t0ken"}, []string{got, speaks, token}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExecRefused(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, metav1.Status{Code: 403, Reason: metav1.StatusReasonForbidden, Message: "may not"})
	})
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		err := c.ExecBy(p).Exec(t.Context(), command)
		if !apierrors.IsForbidden(err) || !errors.Is(err, cluster.ErrNotStarted) {
			t.Errorf("got %v", err)
		}
	})
}

func TestExecServerAway(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	c, err := kube.New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		if err := c.ExecBy(p).Exec(t.Context(), command); !errors.Is(err, cluster.ErrNotStarted) {
			t.Errorf("got %v", err)
		}
	})
}

// The request carries credentials: it goes nowhere else.
func TestExecFollowsNoRedirect(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		if err := c.ExecBy(p).Exec(t.Context(), command); !errors.Is(err, cluster.ErrNotStarted) {
			t.Errorf("got %v", err)
		}
	})
}

func TestExecInputThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	c := server(t, kubelet(t, 4, func(r *remote) {
		io.Copy(io.Discard, r.streams["stdin"])
		r.end(metav1.Status{Status: metav1.StatusSuccess})
	}))
	broken := errors.New("disk on fire")
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		r := command
		r.Stdin = io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
		if err := c.ExecBy(p).Exec(t.Context(), r); !errors.Is(err, broken) || !errors.Is(err, cluster.ErrLost) {
			t.Errorf("got %v", err)
		}
	})
}

// What was given up while the server hesitated must not begin when it answers at last.
func TestExecLateAnswerBeginsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	returned, closed := make(chan bool), make(chan bool)
	c := server(t, func(w http.ResponseWriter, req *http.Request) {
		defer close(closed)
		cancel()
		<-returned
		httpstream.Handshake(req, w, []string{"v5.channel.k8s.io"})
		conn := spdy.NewResponseUpgrader().UpgradeResponse(w, req, func(s httpstream.Stream, _ <-chan struct{}) error {
			t.Errorf("stream %v was opened", s.Headers())
			return nil
		})
		<-conn.CloseChan()
	})
	if err := c.ExecBy(kube.SPDY).Exec(ctx, command); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(returned)
	<-closed
}

func TestExecCanceled(t *testing.T) {
	tests := map[string]func(t *testing.T, began chan<- bool) http.HandlerFunc{
		"while the command runs": func(t *testing.T, began chan<- bool) http.HandlerFunc {
			return kubelet(t, 3, func(r *remote) {
				began <- true
				for { // output goes on until the stream is closed
					if _, err := fmt.Fprintln(r.streams["stdout"], "more"); err != nil {
						return
					}
				}
			})
		},
		"while the server doesn't answer": func(t *testing.T, began chan<- bool) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				began <- true
				<-t.Context().Done() // ends before the server is closed
			}
		},
	}
	for name, play := range tests {
		overEach(t, name, func(t *testing.T, p kube.Protocol) {
			ctx, cancel := context.WithCancel(t.Context())
			began := make(chan bool, 1)
			c := server(t, play(t, began))
			go func() { <-began; cancel() }()
			var out bytes.Buffer // under -race: not written any more once Exec has returned
			r := command
			r.Stdout = &out
			start := time.Now()
			if err := c.ExecBy(p).Exec(ctx, r); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("ending took %v", took)
			}
			out.Reset()
		})
	}
}

func TestExecOutputThatNobodyTakes(t *testing.T) {
	c := server(t, kubelet(t, 3, func(r *remote) {
		for range 100 {
			fmt.Fprintln(r.streams["stdout"], "more")
		}
		r.end(metav1.Status{Status: metav1.StatusSuccess})
	}))
	full := errors.New("disk full")
	overEach(t, "exec", func(t *testing.T, p kube.Protocol) {
		r := command
		r.Stdout = writer(func([]byte) (int, error) { return 0, full })
		if err := c.ExecBy(p).Exec(t.Context(), r); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestGateIsShutForGood(t *testing.T) {
	var out bytes.Buffer
	gated, end := kube.NewGate(&out)
	fmt.Fprint(gated, "before")
	if err := end(); err != nil {
		t.Error(err)
	}
	if n, err := fmt.Fprint(gated, "after"); n != 5 || err != nil {
		t.Errorf("got %d, %v: a late write is dropped, not refused", n, err)
	}
	if out.String() != "before" {
		t.Errorf("got %q", out.String())
	}
}
