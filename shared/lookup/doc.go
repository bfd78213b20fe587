// Package lookup finds the backups that contain a named object. What a backup holds is not in the catalog: it is read from
// the manifest, which names the first and the last object of each segment, and then from the one segment that may hold
// it. Backups share segments, and a segment that was read once is not read again.
package lookup
