package rule

import "bytes"

// watched passes output on, and looks for a text in its lines.
type watched struct {
	h     *held
	to    *tail
	wants string
	drops bool // the line itself is not part of the output
	line  []byte
}

// maxLine bounds what is kept of a line that goes on and on.
const maxLine = 64 << 10

// Write passes on what it can't be part of the line that is dropped.
func (w *watched) Write(p []byte) (int, error) {
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	if w.wants == "" {
		return w.to.Write(p)
	}
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		w.line = append(w.line, rest[:end]...)
		rest = rest[end:]
		w.look()
	}
	return len(p), nil
}

// look takes a line that is whole, or too long to be the one, or is just wanted as it is.
func (w *watched) look() {
	found := bytes.Contains(w.line, []byte(w.wants))
	whole := w.line[len(w.line)-1] == '\n'
	if found && !w.h.isReady() {
		close(w.h.ready)
	}
	if !whole && len(w.line) < maxLine && (w.drops || !found) {
		return
	}
	if !found || !w.drops {
		w.to.Write(w.line)
	}
	w.line = w.line[:0]
}

// flush passes on a line that was never ended.
func (w *watched) flush() {
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	w.to.Write(w.line)
	w.line = nil
}

func (h *held) isReady() bool {
	select {
	case <-h.ready:
		return true
	default:
		return false
	}
}
