package rule

import (
	"bytes"
	"strings"
)

// TailBytes is how much of each output of a command is kept: its end, where the errors are.
const TailBytes = 16 << 10

// tail keeps the end of what is written to it.
type tail struct {
	buf   []byte // a ring once it is full
	next  int    // where the ring continues
	total int64
}

// Write keeps what fits.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.total += int64(n)
	p = p[max(0, n-TailBytes):]
	if room := TailBytes - len(t.buf); room > 0 {
		fill := min(room, len(p))
		t.buf = append(t.buf, p[:fill]...)
		p = p[fill:]
	}
	for len(p) > 0 {
		c := copy(t.buf[t.next:], p)
		t.next = (t.next + c) % TailBytes
		p = p[c:]
	}
	return n, nil
}

// text returns what is kept, masked. The rest of a line that lost its beginning goes too: it may be that of a
// credential that can't be told any more.
func (t *tail) text() string {
	kept := append(bytes.Clone(t.buf[t.next:]), t.buf[:t.next]...)
	if t.total > TailBytes {
		end := bytes.IndexByte(kept, '\n')
		if end < 0 {
			end = bytes.IndexByte(kept, ' ')
		}
		kept = kept[end+1:]
		if end < 0 {
			kept = nil
		}
	}
	return Mask(strings.ToValidUTF8(string(kept), "\uFFFD"))
}
