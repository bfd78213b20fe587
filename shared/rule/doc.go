// Package rule runs a Rule inside the pods of a cluster: before the cut of a backup to make an application consistent
// (pre-exec), or after it to let the application go on (post-exec).
//
// Its nouns: a sub-rule chooses pods; a target is one container in one of them; an action is one command, run in all
// targets at once; a report says what came of every one.
//
// The two phases differ in what a failure does. Pre-exec is checked as a whole before its first command, and stops at
// the first failure. Post-exec gives every target its turn whatever failed elsewhere, because nothing may stay frozen:
// a failed action ends only the chain of actions in its own pod. Both return an error if anything failed that was not
// to be passed over (onError: Continue).
//
// What a rule can't do is found out before its first command: containers that can't be told, shells that are missing, also
// for the rule after the cut. A command in the background is ended by its container in the end, whatever becomes of Salvor.
//
// A command that is left behind, by its timeout, by a cancel or by a lost connection, would go on in its container:
// Kubernetes has no way to end it. A shell line is guarded against that; an argv is not, because nothing that would
// do it is in every image. What was left behind is outlasted before anything is let go on.
package rule
