// Package closure finds what chosen objects need, among all objects that were read at one moment. It is pure.
//
// A fact is what one object says about others: a reference to one by name, a selector of many, the labels by which it
// is itself selected. A relation says what follows from a reference:
//
//   - Need: the object cannot do without the target, so the target comes with it. A Deployment needs its ConfigMap.
//   - Act: the object acts on the target, so it comes with the target; and if it was chosen itself, the target comes with
//     it. An Ingress acts on the Services behind it.
//   - Guard: the object comes with the target and never brings it. A NetworkPolicy guards the pods that it selects.
//   - Own: the target owns the object. An owner comes with what it owns; what it owns comes with it if it is taken whole.
//   - Record: the target is part of the records of the tool that made the object, and comes with one that is taken whole.
//
// An object is taken whole when it was chosen, or by Act and Own from one that is whole; otherwise it is taken in part, for
// the sake of another: what it needs comes along, but not what it would bring into an application of its own. So a
// ConfigMap that two applications share does not bring the second one along.
//
// The closure is the least set that holds the chosen objects and that these relations lead out of no more. Each object has
// a reason: that of the shortest way to it, and of several the first in the alphabet. Neither depends on the order in
// which objects were added.
package closure
