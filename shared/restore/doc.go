// Package restore brings objects back from backups.
//
// A plan is the backups chosen, each with the namespaces that come from it. A unit is one segment of a plan: it is read
// and checked as a whole before any of its objects is applied. A wave is the units whose kinds may be applied at the
// same time; waves run one after the other, so that an object meets what it refers to. What fails because something is
// not there yet is deferred, and tried again after the last wave.
//
// Every object ends with one outcome. Running a restore again finds what is there already Unchanged, so that one that
// was killed is completed by the same run.
package restore
