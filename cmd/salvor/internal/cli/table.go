package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// cell is a text in a table and its colour, "" for none.
type cell struct{ text, colour string }

func plain(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, t := range texts {
		row[i].text = t
	}
	return row
}

// table is columns of text under a head.
type table struct {
	head    []string
	rows    [][]cell
	colours bool
}

// gap stands between two columns.
const gap = 3

// write prints the table, columns as wide as their widest cell.
func (t *table) write(w io.Writer) error {
	all := append([][]cell{plain(t.head...)}, t.rows...)
	widths := make([]int, len(t.head))
	for _, row := range all {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range all {
		for i, c := range row {
			text := c.text
			if t.colours && c.colour != "" {
				text = colour(c.colour, text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+gap))
			}
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(w, b.String())
	return err
}
