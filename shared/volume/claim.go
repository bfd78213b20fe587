package volume

import (
	"cmp"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/transform"
)

// ClaimKind is resource.group of the claims that have volumes.
const ClaimKind = "persistentvolumeclaims"

// Claim is what this package needs of a PersistentVolumeClaim.
type Claim struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		StorageClassName string   `json:"storageClassName"`
		VolumeName       string   `json:"volumeName"`
		VolumeMode       string   `json:"volumeMode"`
		AccessModes      []string `json:"accessModes"`
		Resources        struct {
			Requests map[string]resource.Quantity `json:"requests"`
		} `json:"resources"`
	} `json:"spec"`
	Status struct {
		Phase    string                       `json:"phase"`
		Capacity map[string]resource.Quantity `json:"capacity"`
	} `json:"status"`
}

// metadata is what is needed of any object's.
type metadata struct {
	Namespace         string            `json:"namespace"`
	Name              string            `json:"name"`
	UID               string            `json:"uid"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	CreationTimestamp metav1.Time       `json:"creationTimestamp"`
	DeletionTimestamp *metav1.Time      `json:"deletionTimestamp"`
	OwnerReferences   []struct {
		UID string `json:"uid"`
	} `json:"ownerReferences"`
}

// ClaimOf reads a PersistentVolumeClaim.
func ClaimOf(raw []byte) (Claim, error) {
	var c Claim
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("decoding a claim: %w", err)
	}
	return c, nil
}

// capacity is the size of the claim's volume in bytes, or, as long as there is none, of the one it asks for.
func (c *Claim) capacity() int64 {
	if q, ok := c.Status.Capacity["storage"]; ok {
		return q.Value()
	}
	q := c.Spec.Resources.Requests["storage"]
	return q.Value()
}

// class is the StorageClass of the claim; Kubernetes, too, lets the old annotation decide where both are there.
func (c *Claim) class() string {
	return cmp.Or(c.Metadata.Annotations[transform.LegacyClassAnnotation], c.Spec.StorageClassName)
}

// volume is what the claim itself tells.
func (c *Claim) volume() archive.Volume {
	return archive.Volume{Namespace: c.Metadata.Namespace, Claim: c.Metadata.Name, ClaimUID: c.Metadata.UID, PersistentVolume: c.Spec.VolumeName,
		StorageClass: c.class(), Capacity: c.capacity(), VolumeMode: c.Spec.VolumeMode, AccessModes: c.Spec.AccessModes}
}

// Unkept is the volume of a claim whose data is not kept.
func Unkept(c *Claim, why string) archive.Volume {
	v := c.volume()
	v.State, v.Reason = archive.VolumeFailed, why
	return v
}
