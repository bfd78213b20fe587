package salvor

import (
	"bytes"
	"encoding/json"
)

// Same reports whether two values, such as the specs of two objects, say the same.
func Same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
