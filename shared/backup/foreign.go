package backup

import "salvor.io/salvor/shared/salvor"

// ours refuses to do something to a backup that another catalog made. Conflict.
func ours(b *salvor.Backup, do string) error {
	if !b.Foreign() {
		return nil
	}
	return salvor.Errorf(salvor.Conflict, "backup %s belongs to the catalog %q and is read-only for this one", b.ID(), b.Annotations[salvor.OwnerAnnotation]).
		WithHint("%s it with the Salvor that has made it; salvor location sync %s sees here what becomes of it", do, b.Spec.Location)
}
