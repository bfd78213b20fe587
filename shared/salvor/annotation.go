package salvor

// Annotations that Salvor sets on backups that it has imported or found damaged.
const (
	// ManifestGoneAnnotation is when a sync found that the manifest is gone from the location.
	ManifestGoneAnnotation = "salvor.io/manifest-gone"
	// LastEventAnnotation is the id of the last event beside the manifest when the backup was imported.
	LastEventAnnotation = "salvor.io/last-event"
	// EventsAnnotation is how many events there were then.
	EventsAnnotation = "salvor.io/events"
	// OwnerAnnotation is the id of the catalog that a backup was imported from; it is set where that is another one.
	OwnerAnnotation = "salvor.io/owner"
)

// Foreign reports whether another catalog made the backup: for this one it is read-only.
func (b *Backup) Foreign() bool { return b.Annotations[OwnerAnnotation] != "" }

// Annotate sets an annotation.
func (m *ObjectMeta) Annotate(name, value string) {
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[name] = value
}
