package stork

import "salvor.io/salvor/shared/salvor"

// NamespaceAnnotation of a Rule that was made of a rule of Stork's is the namespace that one was in; empty, if it named none.
const NamespaceAnnotation = "salvor.io/stork-namespace"

// Clash keeps a rule that was made of one of Stork's from replacing another of the same name: Salvor's have no namespace.
// Conflict: what is stored was not made of a rule of Stork's, or of one in another namespace.
func Clash(o, there salvor.Object) error {
	mine, translated := o.Meta().Annotations[NamespaceAnnotation]
	if o.GetKind() != salvor.KindRule || !translated {
		return nil
	}
	const hint = "give one of them another metadata.name, or delete the one that is stored"
	theirs, translated := there.Meta().Annotations[NamespaceAnnotation]
	if !translated {
		return salvor.Errorf(salvor.Conflict, "there is a rule of this name already, and it was not made of one of Stork's").WithHint(hint)
	}
	if mine != theirs && mine != "" && theirs != "" {
		return salvor.Errorf(salvor.Conflict, "the rule of this name was made of that of Stork's in namespace %s, and this one is of namespace %s", theirs, mine).WithHint(hint)
	}
	return nil
}
