// Package archive is the stored format, version 1: the keys under which a backup is stored, its manifest, and its
// segments. It is pure: it turns values into bytes and back, and checks them; docs/format.md explains it to people.
//
// A segment is the objects of one kind in one namespace, or a part of them: newline-delimited JSON, one object a
// line, compressed with zstd. A manifest names the segments of a backup and is what makes it exist.
package archive
