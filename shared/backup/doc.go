// Package backup is the engine that makes a Backup: begin, quiesce, cut, thaw, capture, commit.
//
// Every step may be interrupted at any moment. A backup exists from the moment its manifest is stored; what was
// uploaded before is found by its digest and used by the next run. Whoever finds the lease of a backup expired may
// run it again: it thaws what is still owed, takes over a manifest that is there, or begins anew.
package backup
