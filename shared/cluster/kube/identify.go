package kube

import (
	"errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// identify finds name and namespace in an object without decoding the rest.
//
// Go structs write kind and apiVersion, if any, before metadata; maps (custom resources) write sorted keys. So when
// metadata comes first there is no apiVersion, and otherwise all keys are looked at.
func identify(raw []byte) (cluster.Item, error) {
	item := cluster.Item{Raw: raw}
	seen := false
	err := rawjson.Fields(raw, func(key, value []byte, index int) (bool, error) {
		switch string(key) {
		case `"apiVersion"`:
			item.HasType = true
		case `"metadata"`:
			seen = true
			if err := identifyMeta(value, &item); err != nil {
				return false, err
			}
			return index > 0 && !item.HasType, nil
		}
		return !(seen && item.HasType), nil
	})
	if err == nil && item.Name == "" {
		err = errors.New("malformed list: an item without metadata.name")
	}
	return item, err
}

func identifyMeta(meta []byte, item *cluster.Item) error {
	return rawjson.Fields(meta, func(key, value []byte, _ int) (bool, error) {
		var err error
		switch string(key) {
		case `"name"`:
			item.Name, err = rawjson.Unquote(value)
		case `"namespace"`:
			item.Namespace, err = rawjson.Unquote(value)
		}
		return item.Name == "" || item.Namespace == "", err
	})
}
