package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// How often progress is shown: a bar on a terminal, and plain lines elsewhere.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

// barWidth in characters.
const barWidth = 24

// progress shows how far one piece of work is: a bar on a terminal that is wiped at its end, a line now and then elsewhere.
type progress struct {
	label string
	out   io.Writer
	tty   *os.File
	now   func() time.Time
	every time.Duration

	mu    sync.Mutex
	last  time.Time
	drawn bool
}

// progress begins to show work.
func (a *app) progress(label string) *progress {
	p := &progress{label: label, out: a.sys.Stderr, tty: terminal(a.sys.Stderr), now: a.sys.Now, every: lineEvery}
	if p.tty != nil && a.sys.Getenv("TERM") != "dumb" {
		p.every = barEvery
	} else {
		p.tty = nil
		p.last = p.now() // the first line comes when the work takes long
	}
	return p
}

// show tells that done of so many are done; detail says more. Unknown is a total of 0.
func (p *progress) show(done, of int64, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); now.Sub(p.last) < p.every {
		return
	} else {
		p.last = now
	}
	if p.tty == nil {
		fmt.Fprintf(p.out, "%s: %s\n", p.label, detail)
		return
	}
	line := p.label + " " + bar(done, of) + " " + detail
	if most := width(p.tty) - 1; utf8.RuneCountInString(line) > most {
		line = string([]rune(line)[:max(most, 0)])
	}
	fmt.Fprint(p.out, "\r\x1b[K"+line)
	p.drawn = true
}

// end wipes the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

func bar(done, of int64) string {
	full := 0
	if of > 0 {
		full = int(min(done, of) * barWidth / of)
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
}
