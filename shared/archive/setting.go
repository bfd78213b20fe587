package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Settings is the prefix, below that of the location, of the rules, policies and schedules that catalogs have exported.
const Settings = "config/"

// SettingKinds are the kinds that are exported, by the folder of each, in the order in which they are applied.
var SettingKinds = []struct{ Folder, Kind string }{
	{"rules", salvor.KindRule}, {"policies", salvor.KindSchedulePolicy}, {"schedules", salvor.KindBackupSchedule},
}

// Setting is one state of an object, as a catalog had it. Like all that is stored it is written once: a change is another.
type Setting struct {
	FormatVersion int `json:"formatVersion"`
	// ID is a ULID: of one catalog's states of one object, the last counts.
	ID string `json:"id"`
	// Catalog is the id of the catalog that exported it.
	Catalog string           `json:"catalog"`
	At      metav1.MicroTime `json:"at"`
	Kind    string           `json:"kind"`
	Name    string           `json:"name"`
	// Deleted says that the object is no more; then there is no Object.
	Deleted bool `json:"deleted,omitempty"`
	// Object is as salvor get -o json prints it, without its status and its resource version.
	Object json.RawMessage `json:"object,omitempty"`
}

// NewSetting returns the state of an object of the catalog at that moment: what it says, or nil when it was deleted.
func NewSetting(catalog, kind, name string, object json.RawMessage, at metav1.MicroTime) Setting {
	id := ulid.MustNew(ulid.Timestamp(at.Time), ulid.DefaultEntropy())
	return Setting{FormatVersion: FormatVersion, ID: id.String(), Catalog: catalog, At: at, Kind: kind, Name: name, Deleted: object == nil, Object: object}
}

// Key is where the setting is stored. Invalid: settings of its kind are not exported.
func (s *Setting) Key() (string, error) {
	for _, k := range SettingKinds {
		if k.Kind == s.Kind {
			return Settings + k.Folder + "/" + s.Name + "/" + s.ID + "-" + CatalogMark(s.Catalog) + ".json", nil
		}
	}
	return "", salvor.Errorf(salvor.Invalid, "a %s is not exported", s.Kind)
}

// CatalogMark stands for the catalog in keys.
func CatalogMark(catalog string) string {
	sum := sha256.Sum256([]byte(catalog))
	return hex.EncodeToString(sum[:4])
}

// SettingKey is what the key of a setting tells.
type SettingKey struct{ Kind, Name, ID, Mark string }

// ParseSettingKey reads a key, and reports false when it is not that of a setting.
func ParseSettingKey(key string) (k SettingKey, ok bool) {
	rest, ok := strings.CutPrefix(key, Settings)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return k, false
	}
	stem, ok := strings.CutSuffix(parts[2], ".json")
	k.Name = parts[1]
	k.ID, k.Mark, _ = strings.Cut(stem, "-")
	for _, one := range SettingKinds {
		if one.Folder == parts[0] {
			k.Kind = one.Kind
		}
	}
	return k, ok && k.Kind != "" && k.Name != "" && len(k.ID) == ulid.EncodedSize && k.Mark != ""
}

// Encode returns the bytes to store.
func (s *Setting) Encode() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding the exported %s %q: %w", s.Kind, s.Name, err)
	}
	return append(data, '\n'), nil
}

// DecodeSetting reads what Encode returned. Corrupt: it is not that; Invalid: a later format version.
func DecodeSetting(data []byte) (*Setting, error) {
	s := &Setting{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decoding an exported setting: %w", err)
	}
	if s.FormatVersion < 1 || s.FormatVersion > FormatVersion {
		return nil, salvor.Errorf(salvor.Invalid, "the exported %s %q has format version %d; this salvor reads 1 to %d", s.Kind, s.Name, s.FormatVersion, FormatVersion).
			WithHint("use a newer salvor")
	}
	return s, nil
}
