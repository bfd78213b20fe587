// Package volume keeps the data of PersistentVolumeClaims with a backup, as CSI snapshots, and makes volumes of them again.
//
// Plan finds, before anything is frozen, which claims have a volume that can be snapshotted, and what stands in the way of
// the others. Cut creates a VolumeSnapshot of each at once, inside the freeze, and waits only until each is cut: bound to
// a content that has a handle and a creation time. Its content is made to Retain, and read back, before Cut returns, so
// that from then on nobody's clean-up in the cluster loses the data. A snapshot becomes ready later; then its objects are
// removed from the cluster, while the snapshot stays with its driver, and its handle in the manifest.
//
// What Salvor creates in a cluster carries the labels of names.go, so that it is found by a list whatever happens.
//
// https://kubernetes.io/docs/concepts/storage/volume-snapshots/
package volume
