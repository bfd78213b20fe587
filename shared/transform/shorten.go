package transform

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"unicode/utf8"
)

// Shorten returns the same JSON with characters in the place of their escapes, where JSON allows them. An API server
// returns <, > and & as \u003c, \u003e and \u0026: an object that it took may be six times as large when it is read.
func Shorten(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\u`)) {
		return raw
	}
	short := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			short = append(short, raw[i])
			continue
		}
		if r, ok := plain(raw[i:]); ok {
			short = utf8.AppendRune(short, r)
			i += 5
			continue
		}
		short = append(short, raw[i], raw[i+1]) // the second may be a backslash, too
		i++
	}
	return short
}

// plain returns the character that an escape such as \u003c stands for, if JSON lets it stand for itself.
func plain(escape []byte) (rune, bool) {
	if len(escape) < 6 || escape[1] != 'u' {
		return 0, false
	}
	var b [2]byte
	if _, err := hex.Decode(b[:], escape[2:6]); err != nil {
		return 0, false
	}
	r := rune(binary.BigEndian.Uint16(b[:]))
	return r, r >= ' ' && r != '"' && r != '\\' && utf8.ValidRune(r) // half of a surrogate pair is none
}
