package catalog

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"salvor.io/salvor/shared/salvor"
)

// MaxName is the length in bytes up to which names, cluster ids, schedules and namespaces are kept. It is the
// longest DNS-1123 subdomain; the longest index key of DynamoDB, 1024 bytes, holds two of them.
const MaxName = 253

// Encode returns the object as JSON, carrying version as its resource version. The object itself stays as it is.
func Encode(o salvor.Object, version string) ([]byte, error) {
	m := o.Meta()
	defer func(old string) { m.ResourceVersion = old }(m.ResourceVersion)
	m.ResourceVersion = version
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding %s %q: %w", o.GetKind(), m.Name, err)
	}
	return body, nil
}

// Decode returns the object of the kind that Encode made body of. Corrupt: body is not one.
func Decode(kind, name string, body []byte) (salvor.Object, error) {
	o := salvor.New(kind)
	if o == nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decoding the record of %s %q: unknown kind", kind, name)
	}
	if err := json.Unmarshal(body, o); err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "decoding the record of %s %q: %w", kind, name, err)
	}
	return o, nil
}

// DecodeBackup is Decode for a backup.
func DecodeBackup(id salvor.BackupID, body []byte) (*salvor.Backup, error) {
	o, err := Decode(salvor.KindBackup, id.String(), body)
	if err != nil {
		return nil, err
	}
	b := o.(*salvor.Backup)
	b.APIVersion, b.Kind = salvor.APIVersion, salvor.KindBackup
	return b, nil
}

// CheckKind returns Invalid unless Objects keeps the kind.
func CheckKind(kind string) error {
	if kind == salvor.KindBackup {
		return salvor.Errorf(salvor.Invalid, "a Backup is kept by cluster and name, not as an ordinary object")
	}
	if salvor.New(kind) == nil {
		return salvor.Errorf(salvor.Invalid, "unknown kind %q", kind)
	}
	return nil
}

// CheckObject returns Invalid unless the object can be kept.
func CheckObject(o salvor.Object) error {
	if err := CheckKind(o.GetKind()); err != nil {
		return err
	}
	return checkName(o.GetKind()+" name", o.Meta().Name)
}

// CheckBackup returns Invalid unless the backup can be kept and found: it needs an identity and a date.
func CheckBackup(b *salvor.Backup) error {
	if err := checkName("cluster id of a backup", b.Status.ClusterID); err != nil {
		return err
	}
	if err := checkName("backup name", b.Name); err != nil {
		return err
	}
	if y := b.Date().UTC().Year(); b.Date().IsZero() || y < 1 || y > 9999 {
		return salvor.Errorf(salvor.Invalid, "backup %s has no date that it can be found by: set its creationTimestamp", b.ID())
	}
	if b.Spec.Schedule != "" {
		if err := checkName("schedule of backup "+b.ID().String(), b.Spec.Schedule); err != nil {
			return err
		}
	}
	for _, ns := range b.Status.Namespaces {
		if err := checkName("namespace of backup "+b.ID().String(), ns); err != nil {
			return err
		}
	}
	return nil
}

func checkName(what, name string) error {
	switch {
	case name == "":
		return salvor.Errorf(salvor.Invalid, "the %s is empty", what)
	case len(name) > MaxName:
		return salvor.Errorf(salvor.Invalid, "the %s is %d bytes long, at most %d can be kept", what, len(name), MaxName)
	case !utf8.ValidString(name):
		return salvor.Errorf(salvor.Invalid, "the %s %q is not valid UTF-8", what, name)
	}
	return nil
}
