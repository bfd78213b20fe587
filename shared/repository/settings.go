package repository

import (
	"context"
	"fmt"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
)

// SettingKeys lists the last state of each exported object of each catalog, by the keys alone.
func SettingKeys(ctx context.Context, loc location.Location) (map[string]archive.SettingKey, error) {
	type of struct{ kind, name, mark string }
	last := map[of]string{}
	keys := map[string]archive.SettingKey{}
	for info, err := range loc.List(ctx, archive.Settings, "") {
		if err != nil {
			return nil, fmt.Errorf("listing exported settings at %s: %w", loc, err)
		}
		k, ok := archive.ParseSettingKey(info.Key)
		if !ok {
			continue
		}
		one := of{k.Kind, k.Name, k.Mark}
		delete(keys, last[one]) // keys come in the order of their ids
		last[one], keys[info.Key] = info.Key, k
	}
	return keys, nil
}

// Setting reads an exported object. Corrupt: it is not as it was written.
func Setting(ctx context.Context, loc location.Location, key string) (*archive.Setting, error) {
	r := Repository{loc: loc}
	data, err := r.read(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading %s at %s: %w", key, loc, err)
	}
	s, err := archive.DecodeSetting(data)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", key, loc, err)
	}
	return s, nil
}

// PutSetting exports an object.
func PutSetting(ctx context.Context, loc location.Location, s archive.Setting) error {
	key, err := s.Key()
	if err != nil {
		return err
	}
	data, err := s.Encode()
	if err != nil {
		return err
	}
	r := Repository{loc: loc}
	if err := r.putOnce(ctx, key, data); err != nil {
		return fmt.Errorf("exporting %s %q to %s: %w", s.Kind, s.Name, loc, err)
	}
	return nil
}
