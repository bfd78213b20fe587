package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/salvor"
)

// Leftover and Patience are the times of the index.
const (
	Leftover = leftover
	Patience = patience
)

// Place, ParsePlace, Escape and Unescape are the parts of a key.
var (
	Place      = place
	ParsePlace = parsePlace
	Escape     = escape
	Unescape   = unescape
	Wrap       = wrap
)

// RecordSize returns the size of a packed body.
func RecordSize(b *salvor.Backup) (int, error) {
	i, err := record(backupKey(b.ID()), b, "1")
	if err != nil {
		return 0, err
	}
	return len(i[attrBody].(*types.AttributeValueMemberB).Value), nil
}
