package volume

import (
	"fmt"
	"slices"
	"strings"

	"salvor.io/salvor/shared/archive"
)

// AnnotationClass on a claim names the VolumeSnapshotClass for its snapshots; as a label with the value true on a class
// it makes that one Salvor's for its driver.
const AnnotationClass = "salvor.io/volume-snapshot-class"

// What others mark a class with.
const (
	defaultClass      = "snapshot.storage.kubernetes.io/is-default-class"
	defaultGroupClass = "groupsnapshot.storage.kubernetes.io/is-default-class"
	veleroClass       = "velero.io/csi-volumesnapshot-class"
)

// snapshotClass is what this package needs of a VolumeSnapshotClass.
type snapshotClass struct {
	Metadata       metadata          `json:"metadata"`
	Driver         string            `json:"driver"`
	DeletionPolicy string            `json:"deletionPolicy"`
	Parameters     map[string]string `json:"parameters"`
}

// classes are those of the cluster, by name.
type classes map[string]snapshotClass

// choose finds the class for a volume: that of the backup's map, of the claim's annotation, the one labelled for Salvor
// or for Velero, the driver's default, or its only one. Why says what stands in the way.
func (all classes) choose(driver string, byDriver map[string]string, c *Claim) (chosen snapshotClass, why string) {
	if name := byDriver[driver]; name != "" {
		return all.named(name, driver, "spec.volumes.snapshotClasses")
	}
	if name := c.Metadata.Annotations[AnnotationClass]; name != "" {
		return all.named(name, driver, "the claim's annotation "+AnnotationClass)
	}
	var of []snapshotClass
	for _, class := range all {
		if class.Driver == driver {
			of = append(of, class)
		}
	}
	slices.SortFunc(of, func(a, b snapshotClass) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	if len(of) == 0 {
		return chosen, noClass(driver)
	}
	for _, marked := range []func(snapshotClass) bool{
		func(s snapshotClass) bool { return s.Metadata.Labels[AnnotationClass] == "true" },
		func(s snapshotClass) bool { return s.Metadata.Labels[veleroClass] == "true" },
		func(s snapshotClass) bool {
			return s.Metadata.Annotations[defaultClass] == "true" || s.Metadata.Annotations[defaultGroupClass] == "true"
		},
	} {
		these := slices.DeleteFunc(slices.Clone(of), func(s snapshotClass) bool { return !marked(s) })
		if len(these) == 1 {
			return these[0], ""
		}
		if len(these) > 1 {
			return chosen, ambiguous(driver, these, "are all marked for it")
		}
	}
	if len(of) > 1 {
		return chosen, ambiguous(driver, of, "none of which is its default")
	}
	return of[0], ""
}

// named is the class that somebody named, if it is the driver's.
func (all classes) named(name, driver, where string) (snapshotClass, string) {
	class, ok := all[name]
	switch {
	case !ok:
		return class, fmt.Sprintf("%s names the VolumeSnapshotClass %q, which does not exist", where, name)
	case class.Driver != driver:
		return class, fmt.Sprintf("%s names the VolumeSnapshotClass %q, which is of driver %s, and the volume is of %s", where, name, class.Driver, driver)
	}
	return class, ""
}

func noClass(driver string) string {
	if why := noSnapshots[driver]; why != "" {
		return why
	}
	return fmt.Sprintf("there is no VolumeSnapshotClass of driver %s", driver)
}

func ambiguous(driver string, of []snapshotClass, which string) string {
	var names []string
	for _, s := range of {
		names = append(names, s.Metadata.Name)
	}
	return fmt.Sprintf("driver %s has the VolumeSnapshotClasses %s, %s: name one in spec.volumes.snapshotClasses", driver, strings.Join(names, ", "), which)
}

// snapshot is what a manifest says of the class before anything is cut. Parameters name Secrets, and hold none: a driver
// may need them to delete the snapshot.
func (s *snapshotClass) snapshot(driver string) *archive.Snapshot {
	return &archive.Snapshot{Driver: driver, Class: s.Metadata.Name, ClassParameters: s.Parameters}
}
