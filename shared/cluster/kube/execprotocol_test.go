package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// proxied is a kubelet behind a proxy that answers SPDY by itself, and notes what was tried.
func proxied(t *testing.T, answer http.HandlerFunc, tried *[]string) *kube.Client {
	play := kubelet(t, 4, func(r *remote) { r.end(metav1.Status{Status: metav1.StatusSuccess}) })
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		*tried = append(*tried, r.Header.Get("Upgrade"))
		if !wsstream.IsWebSocketRequest(r) {
			answer(w, r)
			return
		}
		play(w, r)
	})
}

func TestExecGoesOverWebSocketWhereSPDYIsBlocked(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"a proxy that refuses": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "what?", http.StatusBadGateway) },
		"a load balancer that takes the wish for an upgrade out": func(w http.ResponseWriter, r *http.Request) {
			refuse(w, metav1.Status{Code: 400, Reason: metav1.StatusReasonBadRequest, Message: "Upgrade request required"})
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			var tried []string
			c := proxied(t, answer, &tried)
			withInput, withOpen := command, command
			withInput.Stdin, withOpen.Stdin, withOpen.StdinStays = strings.NewReader(""), strings.NewReader(""), true
			for _, r := range []cluster.ExecRequest{command, command, withOpen, withInput} {
				if err := c.Exec(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			// It is remembered, but for a command that SPDY is safer for.
			want := []string{"SPDY/3.1", "websocket", "websocket", "websocket", "SPDY/3.1", "websocket"}
			if diff := cmp.Diff(want, tried); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the API server itself refuses is not asked for again in other words.
func TestExecRefusedIsNotTriedOverWebSocket(t *testing.T) {
	var tried []string
	c := proxied(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, metav1.Status{Code: 400, Reason: metav1.StatusReasonBadRequest, Message: "container nope is not valid for pod db-0"})
	}, &tried)
	if err := c.Exec(t.Context(), command); !apierrors.IsBadRequest(err) || salvor.Is(err, salvor.Unavailable) || len(tried) != 1 {
		t.Errorf("got %v after %q", err, tried)
	}
}

func TestExecBlockedAltogether(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "what?", http.StatusBadGateway) })
	err := c.Exec(t.Context(), command)
	if !errors.Is(err, cluster.ErrNotStarted) || !salvor.Is(err, salvor.Unavailable) {
		t.Errorf("got %v", err)
	}
	for _, says := range []string{"SPDY/3.1 was not let through", "WebSocket was not let through", "502 Bad Gateway: what?"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %s", err, says)
		}
	}
}

// Whoever may create pods/exec may not get it for that.
func TestExecOverWebSocketForbidden(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		if !wsstream.IsWebSocketRequest(r) {
			http.Error(w, "what?", http.StatusBadGateway)
			return
		}
		refuse(w, metav1.Status{Code: 403, Reason: metav1.StatusReasonForbidden, Message: `cannot get resource "pods/exec"`})
	})
	if err := c.Exec(t.Context(), command); !apierrors.IsForbidden(err) || !errors.Is(err, cluster.ErrNotStarted) || !strings.Contains(err.Error(), "cannot get") {
		t.Errorf("got %v", err)
	}
}

// The command begins with the answer: one that isn't understood may mean that it has.
func TestExecOverWebSocketThatIsNone(t *testing.T) {
	answers := map[string]string{
		"no answer":      "",
		"half an answer": "HTTP/1.1 101 Switching Pro",
		"an upgrade to something else": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: bm9wZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n",
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprint(conn, answer)
				conn.Close()
			})
			if err := c.ExecBy(kube.WebSocket).Exec(t.Context(), command); !errors.Is(err, cluster.ErrLost) || errors.Is(err, cluster.ErrNotStarted) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A server that takes no heed of the version that was asked for does not end with a status.
func TestExecOverWebSocketOfAnotherVersion(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Sec-WebSocket-Protocol", "channel.k8s.io")
		conn := wsstream.NewConn(wsstream.NewDefaultChannelProtocols(make([]wsstream.ChannelType, 4)))
		conn.Open(w, r)
		<-r.Context().Done()
	})
	if err := c.ExecBy(kube.WebSocket).Exec(t.Context(), command); !errors.Is(err, cluster.ErrLost) || !strings.Contains(err.Error(), "channel.k8s.io") {
		t.Errorf("got %v", err)
	}
}

// What was given up while the server hesitated finds its connection closed.
func TestExecOverWebSocketGivenUpHangsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hungUp := make(chan error, 1)
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		cancel()
		_, err = conn.Read(make([]byte, 1))
		hungUp <- err
	})
	if err := c.ExecBy(kube.WebSocket).Exec(ctx, command); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-hungUp; err == nil {
		t.Error("something was sent")
	}
}
