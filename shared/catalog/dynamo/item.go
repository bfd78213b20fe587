package dynamo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// The attributes of items.
const (
	attrPK   = "pk"
	attrSK   = "sk"
	attrV    = "v"    // resource version
	attrGen  = "gen"  // which writing of the index
	attrAt   = "at"   // when the index was written, Unix seconds
	attrBody = "body" // the object's JSON, gzip
	attrKept = "kept" // of a backup's own item: index items may hold copies of it
)

// maxBody is the largest body in bytes. An item may have 400 KB, names and keys included.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxBody = 400_000 - 4_000

// maxJSON bounds what a body may unpack to, so that a forged one can't fill the memory.
const maxJSON = 64 << 20

// item is an item of the table.
type item = map[string]types.AttributeValue

func (k key) item() item { return item{attrPK: text(k.pk), attrSK: text(k.sk)} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// textOf returns a string attribute, "" when it is missing.
func textOf(i item, name string) string {
	if s, ok := i[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// numberOf returns a number attribute, 0 when it is missing.
func numberOf(i item, name string) int64 {
	if n, ok := i[name].(*types.AttributeValueMemberN); ok {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if err == nil {
			return v
		}
	}
	return 0
}

// isTrue returns a boolean attribute, false when it is missing.
func isTrue(i item, name string) bool {
	b, ok := i[name].(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

// record makes the item of an object: key, version and body. Invalid: it is too large.
func record(k key, o salvor.Object, version string) (item, error) {
	plain, err := catalog.Encode(o, version)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil {
		return nil, fmt.Errorf("packing %s %q: %w", o.GetKind(), o.Meta().Name, err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing %s %q: %w", o.GetKind(), o.Meta().Name, err)
	}
	if packed.Len() > maxBody || len(plain) > maxJSON {
		return nil, salvor.Errorf(salvor.Invalid, "it has %d bytes, %d when packed; a record may have %d packed", len(plain), packed.Len(), maxBody).
			WithHint("keep long lists in the report and only their beginning here")
	}
	i := k.item()
	i[attrV], i[attrBody] = text(version), &types.AttributeValueMemberB{Value: packed.Bytes()}
	return i, nil
}

// bodyOf returns the JSON in an item. Corrupt: there is none.
func bodyOf(i item) ([]byte, error) {
	b, ok := i[attrBody].(*types.AttributeValueMemberB)
	if !ok {
		return nil, salvor.Errorf(salvor.Corrupt, "the record %q %q has no body", textOf(i, attrPK), textOf(i, attrSK))
	}
	plain, err := unpack(b.Value)
	if err != nil {
		return nil, salvor.Errorf(salvor.Corrupt, "unpacking the record %q %q: %w", textOf(i, attrPK), textOf(i, attrSK), err)
	}
	return plain, nil
}

// unpackers are used again: one has 40 KB of tables, and a page of a search has a thousand bodies.
var unpackers sync.Pool

func unpack(packed []byte) ([]byte, error) {
	z, ok := unpackers.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer unpackers.Put(z)
	if err := z.Reset(bytes.NewReader(packed)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxJSON))
}

// backupOf returns the backup in its own item.
func backupOf(i item, id salvor.BackupID) (*salvor.Backup, error) {
	body, err := bodyOf(i)
	if err != nil {
		return nil, err
	}
	return catalog.DecodeBackup(id, body)
}
