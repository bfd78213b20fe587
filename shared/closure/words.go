package closure

import (
	"slices"
	"strings"
)

// word is a text that is stored once.
type word int32

// noWord is the empty text.
const noWord word = 0

type words struct {
	texts []string
	ids   map[string]word
}

func newWords() words { return words{texts: []string{""}, ids: map[string]word{"": noWord}} }

// of returns the word of a text.
func (w *words) of(s string) word {
	id, ok := w.ids[s]
	if !ok {
		s = strings.Clone(s)
		id = word(len(w.texts))
		w.texts = append(w.texts, s)
		w.ids[s] = id
	}
	return id
}

func (w *words) text(id word) string { return w.texts[id] }

// labelSet is the labels of an object as words "key=value". It is labels.Labels.
type labelSet struct {
	pairs []word
	words *words
}

func (g *Graph) labels(l map[string]string) labelSet {
	s := labelSet{words: &g.words}
	for k, v := range l {
		s.pairs = append(s.pairs, g.words.of(k+"="+v))
	}
	slices.Sort(s.pairs)
	return s
}

// Has reports whether there is such a label.
func (s labelSet) Has(name string) bool {
	_, ok := s.Lookup(name)
	return ok
}

// Get returns the value of a label, "" when there is none.
func (s labelSet) Get(name string) string {
	v, _ := s.Lookup(name)
	return v
}

// Lookup returns the value of a label, and whether there is one.
func (s labelSet) Lookup(name string) (string, bool) {
	for _, p := range s.pairs {
		if k, v, _ := strings.Cut(s.words.text(p), "="); k == name {
			return v, true
		}
	}
	return "", false
}
