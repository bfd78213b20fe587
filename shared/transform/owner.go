package transform

import "encoding/json"

// Owner is an owner reference.
type Owner struct {
	APIVersion         string `json:"apiVersion"`
	Kind               string `json:"kind"`
	Name               string `json:"name"`
	UID                string `json:"uid"`
	Controller         *bool  `json:"controller,omitempty"`
	BlockOwnerDeletion *bool  `json:"blockOwnerDeletion,omitempty"`
}

// String names the owner for messages: Deployment web.
func (o Owner) String() string { return o.Kind + " " + o.Name }

func owners(raw []byte) []Owner {
	var list []Owner
	if raw == nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// ResolveOwners splits the owners in those that have a UID in the target, which they carry then, and the others.
func ResolveOwners(list []Owner, uid func(old string) (string, bool)) (known, unknown []Owner) {
	for _, o := range list {
		if uid != nil {
			if now, ok := uid(o.UID); ok {
				o.UID = now
				known = append(known, o)
				continue
			}
		}
		unknown = append(unknown, o)
	}
	return known, unknown
}
