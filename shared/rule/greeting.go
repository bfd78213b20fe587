package rule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"salvor.io/salvor/shared/cluster"
)

// greet is how guard and fed begin: they say that they run, wait for the answer, and take it only for as many hundredths of a
// second after that as it says. So what a node held back, before it began or while the answer was on its way, does not begin
// when it has been given up: what undoes it may have been done by then. Where there is no /proc/uptime, or it stood still
// because the whole machine was held back, the answer is taken, and the end of the connection ends the command.
//
// It uses no variables but those of guard and fed: they would be changed if the container's environment has them.
const greet = `exec 3<&0 </dev/null
read -r p x 2>/dev/null </proc/uptime
echo "` + here + `" >&2
read -r x c <&3 && [ "$x" = go ] || exit 1
read -r s x 2>/dev/null </proc/uptime
case "$p $s" in *.??" "*.??) [ $(( (${s%.*} - ${p%.*}) * 100 + 1${s#*.} - 1${p#*.} )) -le "$c" ] || { echo "salvor: not begun, because the answer took too long to come" >&2; exit 1; } ;; esac
`

// here is the line of standard error that says that a command runs.
const here = "salvor: here"

// goLine is the answer to it.
func goLine(left time.Duration) string { return fmt.Sprintf("go %d\n", left/(10*time.Millisecond)) }

// greeting is Salvor's part: written to as standard error, it takes out the line that says that the command runs; read as
// the beginning of standard input, it answers when that has come.
type greeting struct {
	begin  context.Context // the command must not begin when it has ended; has a deadline
	now    func() time.Time
	stderr io.Writer
	line   []byte // of standard error, before the greeting
	heard  chan struct{}
	told   func() // is called before it is answered
	answer io.Reader
}

// greeted runs a command under guard or fed to its end. It has to begin before the other context ends, which has a deadline,
// and gets these inputs. told is called before it does.
func (r *run) greeted(ctx, begin context.Context, told func(), req cluster.ExecRequest, inputs ...io.Reader) error {
	begin, over := context.WithCancel(begin)
	g := &greeting{begin: begin, now: r.Now, stderr: req.Stderr, heard: make(chan struct{}), told: told}
	defer g.flush()
	defer over()
	req.Stdin, req.Stderr = io.MultiReader(append([]io.Reader{g}, inputs...)...), g
	req.StdinStays = true // guard needs no end of it, fed takes a line for it
	return r.Cluster.Exec(ctx, req)
}

// Write passes on all but the greeting. A shell may say something before it.
func (g *greeting) Write(p []byte) (int, error) {
	rest := p
	for len(rest) > 0 && !g.greeted() {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		g.line = append(g.line, rest[:end]...)
		rest = rest[end:]
		if before, found := bytes.CutSuffix(g.line, []byte(here+"\n")); found {
			g.line = before
			close(g.heard)
		}
		if g.greeted() || g.line[len(g.line)-1] == '\n' || len(g.line) > maxLine {
			g.flush()
		}
	}
	if len(rest) > 0 {
		if _, err := g.stderr.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (g *greeting) greeted() bool {
	select {
	case <-g.heard:
		return true
	default:
		return false
	}
}

// flush passes on what was no greeting.
func (g *greeting) flush() {
	g.stderr.Write(g.line)
	g.line = nil
}

// errLate ends an exec whose command must not begin any more.
var errLate = errors.New("the command did not begin in time, and will not")

// Read returns the answer.
func (g *greeting) Read(p []byte) (int, error) {
	if g.answer == nil {
		select {
		case <-g.heard:
		case <-g.begin.Done():
		}
		until, _ := g.begin.Deadline()
		left := until.Sub(g.now()).Truncate(10 * time.Millisecond)
		if g.begin.Err() != nil || left <= 0 {
			return 0, errLate
		}
		g.told()
		g.answer = strings.NewReader(goLine(left))
	}
	return g.answer.Read(p)
}
