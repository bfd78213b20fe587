package kube_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster/kube"
)

// Whatever a server sends, outputs are what came in their channels before the status was whole, and only a whole status
// is one.
func FuzzChannels(f *testing.F) {
	f.Add([]byte("\x01\x01\x03\x01ab\x04\x02err"))
	f.Add([]byte("\x01\x01\x05\x01out1\x15\x03{\"status\":\"Success\"}\x03\x01no"))
	f.Add([]byte("\x09\x03{\"status\x0d\x03\":\"Success\"}"))
	f.Add([]byte("\x02\xff\x01\x00\x03\x01\x00\x05\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var messages [][]byte
		for len(data) > 0 { // each after its length
			n := min(int(data[0]), len(data)-1)
			messages = append(messages, data[1:1+n])
			data = data[1+n:]
		}
		want := map[byte][]byte{}
		whole := false
		for _, m := range messages {
			if len(m) == 0 || whole {
				continue
			}
			want[m[0]] = append(want[m[0]], m[1:]...)
			whole = m[0] == 3 && json.Valid(want[3])
		}
		if !whole {
			want[3] = nil
		}
		stdout, stderr, status, err := kube.Demux(messages)
		if whole != (err == nil) {
			t.Errorf("a whole status: %t, but the error is %v", whole, err)
		}
		for i, got := range [][]byte{stdout, stderr, status} {
			if !bytes.Equal(got, want[byte(i+1)]) {
				t.Error(cmp.Diff(string(want[byte(i+1)]), string(got)))
			}
		}
	})
}

func TestChannelsRefuseAStatusWithoutEnd(t *testing.T) {
	long := append([]byte("\x03\""), bytes.Repeat([]byte("x"), 1<<20)...)
	if _, _, status, err := kube.Demux([][]byte{long}); err == nil || err == io.ErrUnexpectedEOF || len(status) > 0 {
		t.Errorf("got %d bytes, %v", len(status), err)
	}
}
