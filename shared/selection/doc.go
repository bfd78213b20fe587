// Package selection decides which kinds and objects a scope takes, and says why one is left out. It is pure.
//
// A kind is left out by itself when a control plane or a node makes all its objects again; an object, when a
// controller makes it again from another object that is taken. An excluded kind is taken all the same when the scope names it.
package selection
